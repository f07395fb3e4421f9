"""Statements of the delivery engine: claim what may be sent, lay aside, settle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnClause,
    Connection,
    MappingResult,
    bindparam,
    insert,
    literal_column,
    select,
    update,
)

from service.broker.arrivals import Arrival, insert_messages
from service.broker.lanes import Passage, let_go, next_lane, wake_lanes
from service.broker.leases import next_due
from service.broker.message import Message, Place
from service.broker.rapid import Rapid
from service.broker.records import ENTRY, dead_letter_row, entry_row, message_of
from service.broker.settlement import Settlement
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["Claim", "Claimed", "Settled", "Settling", "claim", "lay_aside", "settle"]

MOST_BYTES = 32 * 1024 * 1024
"""The bodies of one claim: it stops reading when there are so many."""

_OPEN = messages.c.finished_at.is_(None)
_DUE = (
    select(messages)
    .where(_OPEN, messages.c.place == Place.WAITING.value, messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at)
    .limit(bindparam("room"))
)
_ASIDE = (
    select(messages)
    # Written out: a bound value would hide from SQLite that the partial index applies.
    .where(messages.c.place == literal_column("'aside'"), messages.c.host == bindparam("at"))
    .order_by(messages.c.sequence)
    .limit(bindparam("free"))
)
_CLAIMED: ColumnClause[str] = literal_column("'claimed'")
_HAVE = Rapid(
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=_CLAIMED, holder=bindparam("by"), lease=literal_column("0"))
)
_PUT = (
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=bindparam("to"), host=bindparam("at"), holder=None)
)
_SETTLED = Rapid(
    update(messages)
    .where(
        messages.c.sequence == bindparam("number"),
        # Whoever has lost it to another engine has no say any more.
        messages.c.holder == bindparam("by"),
        messages.c.place == _CLAIMED,
    )
    .values(
        place=bindparam("to"),
        due_at=bindparam("due"),
        retried=bindparam("times"),
        finished_at=bindparam("finished"),
    )
)
_MINE = select(messages.c.sequence).where(
    messages.c.holder == bindparam("by"),
    messages.c.place == Place.CLAIMED.value,
    messages.c.sequence.in_(bindparam("numbers", expanding=True)),
)
_REQUESTED = select(messages.c.sequence).where(messages.c.cancel_requested == 1)
_NEW_ENTRY = Rapid(insert(log_entries).values(ENTRY))
_NEW_DEAD_LETTER = insert(dead_letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an engine has room for: what is due, what lanes let go, what lies aside by host."""

    now: int
    holder: str
    due: int
    lanes: int
    aside: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What the engine now holds; who has nothing aside any more; when to come again.

    With `crowded` there was more to let go than room: come again when a message has left.
    """

    due: tuple[Message, ...]
    others: tuple[Message, ...]
    emptied: tuple[str, ...]
    crowded: bool
    next_due_at: int | None
    lanes_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """A settlement, whose it is, and where the callbacks it makes are to lie."""

    settlement: Settlement
    holder: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was written in the end, and the callbacks with their numbers.

    Nothing, when another engine has taken the message over meanwhile.
    """

    settlement: Settlement | None
    callbacks: tuple[Message, ...] = ()


def claim(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    """Hands messages to the engine."""
    return [_claim(connection, one) for one in claims]


def lay_aside(connection: Connection, groups: Sequence[Sequence[Message]]) -> list[None]:
    """Lays claimed messages where they have no attempt for now: parked, or aside by host."""
    rows = [
        {
            "number": message.sequence,
            "to": (Place.PARKED if message.options.flow else Place.ASIDE).value,
            "at": message.host,
        }
        for group in groups
        for message in group
    ]
    connection.execute(_PUT, rows)
    keys = {m.options.flow.key for group in groups for m in group if m.options.flow}
    wake_lanes(connection, queues=(), keys=keys)
    return [None] * len(groups)


def settle(connection: Connection, settlings: Sequence[Settling]) -> list[Settled]:
    """Writes the outcomes of attempts, and everything that follows from them."""
    mine = _mine(connection, settlings)
    cancelled = _cancelled(connection, settlings)
    moves, entries, letters = [], [], []
    results: list[tuple[Settlement, Sequence[Place], str] | None] = []
    for settling in settlings:
        settlement = settling.settlement
        number = settlement.message.sequence
        if number not in mine:
            results.append(None)
            continue
        if number in cancelled:
            settlement = settlement.cancelled()
        moves.append(_move_row(settlement, settling.holder))
        entries += [entry_row(entry, sequence=number) for entry in settlement.entries]
        if settlement.dead_letter is not None:
            letters.append(dead_letter_row(settlement.dead_letter, sequence=number))
        results.append((settlement, settling.places, settling.holder))
    if moves:
        _SETTLED(connection, moves)
        _NEW_ENTRY(connection, entries)
    if letters:
        connection.execute(_NEW_DEAD_LETTER, letters)
    _wake_lanes(connection, [result[0] for result in results if result])
    return [_with_callbacks(connection, result) for result in results]


def _claim(connection: Connection, wanted: Claim) -> Claimed:
    due = _due(connection, wanted)
    passage = Passage(now=wanted.now, holder=wanted.holder, room=wanted.lanes)
    if wanted.lanes:
        let_go(connection, passage)
    aside: list[Message] = []
    emptied = []
    for host, free in wanted.aside.items():
        rows = connection.execute(_ASIDE, {"at": host, "free": free}).mappings()
        found, there_is_more = _read(rows, free)
        aside += found
        if not there_is_more:
            emptied.append(host)
    _have(connection, [*aside, *due], wanted.holder)
    return Claimed(
        due=tuple(due),
        others=(*passage.taken, *aside),
        emptied=tuple(emptied),
        crowded=passage.crowded,
        next_due_at=next_due(connection),
        lanes_at=next_lane(connection),
    )


def _due(connection: Connection, wanted: Claim) -> list[Message]:
    """What is due, without those of flow-control keys, which go to their keys."""
    if not wanted.due:
        return []
    rows = connection.execute(_DUE, {"now": wanted.now, "room": wanted.due}).mappings()
    found, _ = _read(rows, wanted.due)
    limited = [message for message in found if message.options.flow is not None]
    if limited:
        lay_aside(connection, [limited])
    return [message for message in found if message.options.flow is None]


def _read(rows: MappingResult, most: int) -> tuple[list[Message], bool]:
    """The messages of some rows, and whether there may be more than these."""
    found: list[Message] = []
    size = 0
    for row in rows:
        message = message_of(row)
        found.append(message)
        size += len(message.body)
        if size > MOST_BYTES:
            rows.close()
            return found, True
    return found, len(found) >= most


def _have(connection: Connection, taken: Sequence[Message], holder: str) -> None:
    if taken:
        rows = [{"number": message.sequence, "by": holder} for message in taken]
        _HAVE(connection, rows)


def _mine(connection: Connection, settlings: Sequence[Settling]) -> frozenset[int]:
    numbers = [settling.settlement.message.sequence for settling in settlings]
    holder = settlings[0].holder
    found = connection.execute(_MINE, {"by": holder, "numbers": numbers})
    return frozenset(found.scalars())


def _cancelled(connection: Connection, settlings: Sequence[Settling]) -> frozenset[int]:
    numbers = [
        settling.settlement.message.sequence
        for settling in settlings
        if settling.settlement.dead_letter or settling.settlement.place is Place.WAITING
    ]
    if not numbers:
        return frozenset()
    asked = connection.execute(_REQUESTED.where(messages.c.sequence.in_(numbers)))
    return frozenset(asked.scalars())


def _move_row(settlement: Settlement, holder: str) -> dict[str, object]:
    message = settlement.message
    waits = settlement.place is Place.WAITING
    return {
        "number": message.sequence,
        "by": holder,
        "to": settlement.place.value,
        "due": settlement.due_at if waits else message.due_at,
        "times": message.retried + 1 if waits else message.retried,
        "finished": None if waits else settlement.ended_at,
    }


def _wake_lanes(connection: Connection, settlements: Sequence[Settlement]) -> None:
    ended = [one.message for one in settlements if one.place is Place.FINISHED]
    wake_lanes(
        connection,
        queues=[message.turn_of for message in ended],
        keys=[one.message.options.flow.key for one in settlements if one.message.options.flow],
    )


def _with_callbacks(
    connection: Connection, result: tuple[Settlement, Sequence[Place], str] | None
) -> Settled:
    if result is None:
        return Settled(settlement=None)
    settlement, places, holder = result
    # A cancelled settlement has lost its callbacks, but not the places kept for them.
    arrivals = [
        Arrival(message=message, place=place, holder=holder)
        for message, place in zip(settlement.callbacks, places, strict=False)
    ]
    placed = insert_messages(connection, arrivals)
    return Settled(settlement=settlement, callbacks=tuple(placed.values()))
