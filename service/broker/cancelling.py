"""Statements that cancel messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from service.broker.filters import Selection
from service.broker.lanes import wake_lanes
from service.broker.message import Place, State
from service.broker.records import entry_row
from service.broker.selecting import conditions
from service.broker.settlement import Entry
from service.broker.tables import log_entries, messages

__all__ = ["Cancel", "Cancelled", "cancel"]

_WAITING = (
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=Place.FINISHED.value, cancel_requested=1, finished_at=bindparam("finished"))
)
_UNDER_WAY = (
    update(messages).where(messages.c.sequence == bindparam("number")).values(cancel_requested=1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A wish to cancel what is selected, at most `selection.count` of it at once."""

    at: int
    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """How many were cancelled, and which of them the engine holds."""

    count: int
    held: frozenset[str]


def cancel(connection: Connection, wishes: Sequence[Cancel]) -> list[Cancelled]:
    """Drops what waits at once; what the engine holds is dropped when it settles."""
    return [_cancel(connection, wish) for wish in wishes]


def _cancel(connection: Connection, wish: Cancel) -> Cancelled:
    found = connection.execute(
        select(messages.c.sequence, messages.c.message_id, messages.c.place, messages.c.turn_of)
        .where(
            messages.c.finished_at.is_(None),
            messages.c.cancel_requested == 0,
            *conditions(wish.selection, at=messages.c.created_at),
        )
        .limit(wish.selection.count)
    ).all()
    held = [row for row in found if row.place == Place.CLAIMED.value]
    waiting = [row for row in found if row.place != Place.CLAIMED.value]
    entries = [_entry(row.sequence, State.CANCEL_REQUESTED, wish.at) for row in found]
    entries += [_entry(row.sequence, State.CANCELED, wish.at) for row in waiting]
    if waiting:
        rows = [{"number": row.sequence, "finished": wish.at} for row in waiting]
        connection.execute(_WAITING, rows)
        wake_lanes(connection, queues=[row.turn_of for row in waiting], keys=())
    if held:
        connection.execute(_UNDER_WAY, [{"number": row.sequence} for row in held])
    if entries:
        connection.execute(insert(log_entries), entries)
    return Cancelled(count=len(found), held=frozenset(row.message_id for row in held))


def _entry(sequence: int, state: State, at: int) -> dict[str, object]:
    return entry_row(Entry(at=at, state=state), sequence=sequence)
