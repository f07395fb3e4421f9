"""Statements that let messages go: queues give turns in order, flow-control keys within limits.

Both happen inside of a claim, so limits hold for any number of engines on one file, and a restart
finds them as they were. A queue or key is looked at when its `ready_at` has come: something was
added, ended or changed, or a period is over. What it then holds back waits for the next such event.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)

from service.broker.flow import FlowState
from service.broker.flow_keys import state_of
from service.broker.message import Message, Place
from service.broker.rapid import Rapid, Row
from service.broker.records import message_of
from service.broker.tables import flow_keys, messages, queues

__all__ = ["Passage", "let_go", "look_again", "next_lane", "wake_lanes"]

READY = 0
MOST_LANES = 100
"""How many queues, and how many keys, one claim looks at."""

_OPEN = messages.c.finished_at.is_(None)
_IN_PLACE = messages.c.place == bindparam("place_is")
_READY_QUEUES = Rapid(
    select(queues)
    .where(queues.c.ready_at <= bindparam("now"))
    .order_by(queues.c.ready_at)
    .limit(MOST_LANES)
)
_TURNS = Rapid(select(func.count()).where(_OPEN, messages.c.turn_of == bindparam("queue_is")))
_QUEUED = Rapid(
    select(messages)
    .where(_OPEN, messages.c.queue == bindparam("queue_is"), _IN_PLACE)
    .order_by(messages.c.sequence)
    .limit(bindparam("free"))
)
_LOOKED_AT = Rapid(
    update(queues).where(queues.c.name == bindparam("queue_is")).values(ready_at=None)
)
_DRAINED = Rapid(
    delete(queues).where(queues.c.name == bindparam("queue_is"), queues.c.deleted == 1)
)
_MOVE = Rapid(
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=bindparam("to"), turn_of=bindparam("turn"), holder=bindparam("by"), lease=READY)
)

_ACTIVE = (
    select(func.count())
    .where(_OPEN, messages.c.flow_key == flow_keys.c.key, messages.c.place == Place.CLAIMED.value)
    .scalar_subquery()
)
_READY_KEYS = Rapid(
    # How many wait is not asked: there may be very many.
    select(flow_keys, _ACTIVE.label(Place.CLAIMED.value), literal(0).label(Place.PARKED.value))
    .where(flow_keys.c.ready_at <= bindparam("now"))
    .order_by(flow_keys.c.ready_at)
    .limit(MOST_LANES)
)
_PARKED = Rapid(
    select(messages)
    .where(_OPEN, messages.c.flow_key == bindparam("key"), _IN_PLACE)
    .order_by(messages.c.sequence)
    .limit(bindparam("free"))
)
_KEY_AFTER = Rapid(
    update(flow_keys)
    .where(flow_keys.c.key == bindparam("named"))
    .values(
        ready_at=bindparam("ready"),
        period_start=bindparam("start"),
        rate_count=bindparam("count"),
    )
)
_WAKE_QUEUES = Rapid(
    update(queues).where(queues.c.name == bindparam("named")).values(ready_at=READY)
)
_WAKE_KEYS = Rapid(
    update(flow_keys)
    .where(
        flow_keys.c.key == bindparam("named"),
        # One that waits for the end of its period goes on waiting.
        flow_keys.c.ready_at.is_(None),
        exists().where(
            _OPEN,
            messages.c.flow_key == flow_keys.c.key,
            messages.c.place == Place.PARKED.value,
        ),
    )
    .values(ready_at=READY)
)
_LOOK_AGAIN = Rapid(
    update(flow_keys).where(flow_keys.c.period_start > bindparam("now")).values(ready_at=READY)
)
_NEXT_QUEUE = Rapid(select(func.min(queues.c.ready_at)).where(queues.c.ready_at.is_not(None)))
_NEXT_KEY = Rapid(select(func.min(flow_keys.c.ready_at)).where(flow_keys.c.ready_at.is_not(None)))


@dataclass(slots=True, kw_only=True)
class Passage:
    """One look at the lanes: who claims, how much room there is, what came of it."""

    now: int
    holder: str
    room: int
    taken: list[Message] = field(default_factory=list)
    crowded: bool = False
    """Whether more could have been let go than there was room for."""

    @property
    def left(self) -> int:
        """How much room is left."""
        return self.room - len(self.taken)


def let_go(connection: Connection, passage: Passage) -> None:
    """Gives turns, then free places of keys; what may start now is in `taken`, and claimed."""
    for queue in _READY_QUEUES.rows(connection, now=passage.now).fetchall():
        _give_turns(connection, queue, passage)
    keys = _READY_KEYS.rows(connection, now=passage.now).fetchall()
    given = [_give_places(connection, key, passage) for key in keys]
    moves = [_move(one, Place.CLAIMED, passage.holder) for found, _ in given for one in found]
    if moves:
        _MOVE.run_each(connection, moves)
    if given:
        _KEY_AFTER.run_each(connection, [after for _, after in given])


def wake_lanes(
    connection: Connection, *, queues: Iterable[str | None], keys: Iterable[str | None]
) -> None:
    """Has queues and keys looked at, as something of theirs has ended."""
    names = {name for name in queues if name is not None}
    if names:
        _WAKE_QUEUES.run_each(connection, [{"named": name} for name in sorted(names)])
    named = {key for key in keys if key is not None}
    if named:
        _WAKE_KEYS.run_each(connection, [{"named": key} for key in sorted(named)])


def look_again(connection: Connection, *, now: int) -> None:
    """After the clock was set back: periods that begin in the future end at once."""
    _LOOK_AGAIN.run(connection, now=now)


def next_lane(connection: Connection) -> int | None:
    """When the first queue or key is to be looked at."""
    moments: list[int | None] = [wanted.value(connection) for wanted in (_NEXT_QUEUE, _NEXT_KEY)]
    return min((moment for moment in moments if moment is not None), default=None)


def _give_turns(connection: Connection, queue: Row, passage: Passage) -> None:
    name = queue["name"]
    _LOOKED_AT.run(connection, queue_is=name)
    if queue["paused"]:
        return
    turns = _TURNS.value(connection, queue_is=name)
    free = max(0, queue["parallelism"] - turns)
    rows = _QUEUED.rows(connection, queue_is=name, free=free, place_is=Place.QUEUED.value)
    next_ones = [message_of(row) for row in rows]
    moves = []
    for message in next_ones:
        message = replace(message, turn_of=name)
        place = _after_queue(message, passage)
        if place is Place.CLAIMED:
            passage.taken.append(message)
        moves.append(_move(message, place, passage.holder))
    if moves:
        _MOVE.run_each(connection, moves)
        wake_lanes(connection, queues=(), keys=[_key_of(message) for message in next_ones])
    elif turns == 0 and queue["deleted"]:
        _DRAINED.run(connection, queue_is=name)


def _after_queue(message: Message, passage: Passage) -> Place:
    if message.due_at > passage.now:
        return Place.WAITING
    if message.options.flow is not None:
        return Place.PARKED
    # Without room it is one of those that are due.
    return Place.CLAIMED if passage.left > 0 else Place.WAITING


def _give_places(
    connection: Connection, row: Row, passage: Passage
) -> tuple[list[Message], dict[str, object]]:
    state = state_of(row, now=passage.now)
    # As with destinations: no key may hold more than it leaves free.
    room = max(0, min(passage.left, passage.room - state.active))
    free = state.may_start(room)
    found: list[Message] = []
    if free:
        parked = _PARKED.rows(connection, key=state.key, free=free, place_is=Place.PARKED.value)
        found = [message_of(one) for one in parked]
    start_by = None if state.rate is None else state.period_end
    passage.taken += [replace(message, start_by=start_by) for message in found]
    after = replace(
        state, active=state.active + len(found), rate_count=state.rate_count + len(found)
    )
    return found, _key_after(row, after, len(found) == free, passage)


def _key_after(row: Row, after: FlowState, more: bool, passage: Passage) -> dict[str, object]:
    ready = after.ready_again() if more else None
    if more and after.may_start(1):
        passage.crowded = True
        ready = READY
    began = after.rate_count > 0
    return {
        "named": after.key,
        "ready": ready,
        # A period begins with its first attempt.
        "start": after.period_start if began else row["period_start"],
        "count": after.rate_count if began else row["rate_count"],
    }


def _move(message: Message, place: Place, holder: str) -> dict[str, object]:
    return {
        "number": message.sequence,
        "to": place.value,
        "turn": message.turn_of,
        "by": holder if place is Place.CLAIMED else None,
    }


def _key_of(message: Message) -> str | None:
    return message.options.flow.key if message.options.flow else None
