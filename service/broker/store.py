"""Messages, log, dead letters and keys in one SQLite file: what the rest of the broker asks of it.

Every write is durable when it returns. `urgent` writes are the delivery engine's, which is bounded
by itself; the others are refused with `Overloaded` when too many wait.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, select

from service.broker import (
    arrivals,
    cancelling,
    claims,
    flow_keys,
    housekeeping,
    keys,
    leases,
    queues,
    settling,
)
from service.broker import dead_letters as letters
from service.broker import group_rows as groups
from service.broker import schedule_rows as schedules
from service.broker.arrivals import Arrival, Kept
from service.broker.cancelling import Cancel, Cancelled
from service.broker.claims import Claim, Claimed
from service.broker.commit import Handler, Told
from service.broker.database import open_database
from service.broker.dead_letters import Dead, Deleted, Revival
from service.broker.filters import Selection
from service.broker.flow import FlowState
from service.broker.flow_keys import FlowWish
from service.broker.group_rows import GroupChange
from service.broker.groups import Group
from service.broker.housekeeping import Horizons
from service.broker.leases import PutBack, Seen
from service.broker.log_entries import Logged, select_log
from service.broker.message import Message, State
from service.broker.presence import Presence
from service.broker.queues import Queue, QueueWish
from service.broker.reader import Reader
from service.broker.records import message_of
from service.broker.schedule_rows import Firing, ScheduleChange
from service.broker.schedules import Schedule
from service.broker.settling import Settled, Settling
from service.broker.signing import SigningKeys
from service.broker.tables import messages
from service.broker.writer import Rows, Writer

__all__ = ["Store"]

WAITING_WRITES = 4096
WAITING_READS = 256
BRIEF: Mapping[Handler[Any, Any], Rows] = {
    arrivals.add: len,
    claims.claim: lambda _claim: 1,  # bounded by what the engine has room for
    claims.lay_aside: len,
    settling.settle: lambda settling: 1 + len(settling.places),
}
"""The writes of every message's way, and about how many rows an item of each is."""


class Store:
    """Open it with `async with`, inside the event loop that uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> Self:
        self._presence = Presence(self._path)
        self._engine = open_database(self._path)
        self._writer = Writer(self._engine, limit=WAITING_WRITES, last=claims.claim, brief=BRIEF)
        self._reader = Reader(self._engine, limit=WAITING_READS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.close()
        self._reader.close()
        self._engine.dispose()
        self._presence.close()

    @property
    def alone(self) -> bool:
        """Whether nobody else has the file open, nor can before `share`."""
        return self._presence.alone

    async def share(self) -> None:
        """Lets others open the file."""
        await self._presence.share()

    async def add(self, new: Sequence[Arrival], told: Told[Kept]) -> Kept:
        """Takes in the messages of one publish, all or none of them."""
        return await self._writer.write(arrivals.add, new, told)

    async def claim(self, claim: Claim) -> Claimed:
        """Hands due and parked messages to the engine."""
        return await self._writer.write_always(claims.claim, claim)

    async def lay_aside(self, held: Sequence[Message]) -> None:
        """Lays claimed messages where they have no attempt for now."""
        await self._writer.write_always(claims.lay_aside, held)

    async def settle(self, outcome: Settling) -> Settled:
        """Writes down an attempt and everything that follows from it."""
        return await self._writer.write_always(settling.settle, outcome)

    async def look(self, engine: str) -> Seen:
        """What other engines have in hand, and what there is to do."""
        return await self._reader.read(lambda connection: leases.look(connection, engine))

    async def renew(self, engine: str) -> frozenset[int]:
        """Tells that an engine lives; gives the numbers of what it still has in hand."""
        return await self._writer.write_always(leases.renew, engine)

    async def put_back(self, wish: PutBack) -> int:
        """Lets others have what is in no living engine's hand any more."""
        return await self._writer.write_always(leases.put_back, wish)

    async def set_back(self, now: int) -> None:
        """Tells that the clock was set back."""
        await self._writer.write_always(leases.set_back, now)

    async def forget(self, horizons: Horizons) -> bool:
        """Forgets one batch of what is old; says whether there may be more."""
        return await self._writer.write_always(housekeeping.forget, horizons)

    async def cancel(self, cancel: Cancel) -> Cancelled:
        """Cancels what is selected."""
        return await self._writer.write(cancelling.cancel, cancel)

    async def message(self, message_id: str, *, finished_after: int) -> Message | None:
        """A message that is under way, or finished after the given moment and not cancelled."""

        def find(connection: Connection) -> Message | None:
            wanted = select(messages).where(messages.c.message_id == message_id)
            row = connection.execute(wanted).mappings().one_or_none()
            if row is None or row["finished_at"] is None:
                return None if row is None else message_of(row)
            forgotten = row["cancel_requested"] or row["finished_at"] <= finished_after
            return None if forgotten else message_of(row)

        return await self._reader.read(find)

    async def log(self, selection: Selection) -> list[Logged]:
        """A page of the log, the newest first."""
        return await self._reader.read(lambda connection: select_log(connection, selection))

    async def dead_letters(self, selection: Selection) -> list[Dead]:
        """A page of the dead letter queue, the oldest first."""
        return await self._reader.read(
            lambda connection: letters.select_dead_letters(connection, selection)
        )

    async def dead_letter(self, dlq_id: str) -> Dead | None:
        """The dead letter with this id."""
        return await self._reader.read(
            lambda connection: letters.find_dead_letter(connection, dlq_id)
        )

    async def delete_dead_letters(self, selection: Selection) -> Deleted:
        """Deletes what is selected; says how many."""
        return await self._writer.write(letters.delete_dead_letters, selection)

    async def retry_dead_letters(self, revivals: Sequence[Revival], told: Told[Kept]) -> Kept:
        """Turns dead letters into new messages."""
        return await self._writer.write(letters.retry_dead_letters, revivals, told)

    async def change_queue(self, wish: QueueWish) -> bool:
        """Makes or changes a queue; says whether it is there."""
        return await self._writer.write(queues.change_queues, wish)

    async def delete_queue(self, name: str) -> bool:
        """Deletes a queue; says whether it was there."""
        return await self._writer.write(queues.delete_queues, name)

    async def queues(self, name: str | None) -> list[Queue]:
        """All queues, or the one of this name."""
        return await self._reader.read(lambda connection: queues.select_queues(connection, name))

    async def change_flow_key(self, wish: FlowWish) -> bool:
        """Changes what holds for a flow-control key; says whether it is there."""
        return await self._writer.write(flow_keys.change_flow_keys, wish)

    async def flow_keys(
        self, *, now: int, key: str | None = None, search: str | None = None
    ) -> list[FlowState]:
        """Flow-control keys: the one of this name, or those that contain `search`."""
        return await self._reader.read(
            lambda connection: flow_keys.select_flow_keys(
                connection, now=now, key=key, search=search
            )
        )

    async def group(self, name: str) -> Group | None:
        """The URL group of this name."""
        return await self._reader.read(lambda connection: groups.find_group(connection, name))

    async def groups(self) -> list[Group]:
        """All URL groups."""
        return await self._reader.read(groups.select_groups)

    async def change_group(self, change: GroupChange) -> Group | None:
        """Makes a group what the change says; gives what it is then."""
        return await self._writer.write(groups.change_groups, change)

    async def schedule(self, schedule_id: str) -> Schedule | None:
        """The schedule with this id."""
        return await self._reader.read(lambda c: schedules.find_schedule(c, schedule_id))

    async def schedules(self) -> list[Schedule]:
        """All schedules."""
        return await self._reader.read(schedules.select_schedules)

    async def due_schedules(self, now: int, *, most: int) -> list[Schedule]:
        """Schedules whose time has come."""
        return await self._reader.read(lambda c: schedules.due_schedules(c, now, most))

    async def next_trigger(self) -> int | None:
        """When the first schedule is due."""
        return await self._reader.read(schedules.next_trigger)

    async def states(self, ids: Sequence[str]) -> dict[str, State]:
        """The newest state of each of these messages."""
        return await self._reader.read(lambda c: schedules.states_of(c, ids))

    async def change_schedule(self, change: ScheduleChange) -> Schedule | None:
        """Makes a schedule what the change says; gives what it is then."""
        return await self._writer.write(schedules.change_schedules, change)

    async def fire(self, firing: Firing, told: Told[Kept]) -> Kept:
        """Takes in the messages of a trigger, once."""
        return await self._writer.write(schedules.fire, firing, told)

    async def signing_keys(self, fresh: SigningKeys) -> SigningKeys:
        """The keys of this file; the first start keeps the fresh ones."""
        return await self._writer.write_always(keys.load_or_keep, fresh)

    async def rotate_keys(self, fresh: str) -> SigningKeys:
        """Moves the next key up and puts a fresh one behind it."""
        return await self._writer.write(keys.rotate, fresh)
