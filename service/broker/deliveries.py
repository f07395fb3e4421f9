"""Statements of the delivery engine: claim what is due, park, settle, recover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select, update

from service.broker.arrivals import Arrival, insert_messages
from service.broker.message import Message, Place
from service.broker.records import dead_letter_row, entry_row, message_of
from service.broker.settlement import Settlement
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["Claim", "Claimed", "Settled", "Settling", "claim", "park", "recover", "settle"]

_OPEN = messages.c.finished_at.is_(None)
_DUE = (
    select(messages)
    .where(_OPEN, messages.c.place == Place.WAITING.value, messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at)
    .limit(bindparam("room"))
)
_IS_PARKED = messages.c.place == Place.PARKED.value
_PARKED = (
    select(messages)
    .where(_OPEN, _IS_PARKED, messages.c.flow_key == bindparam("key"))
    .order_by(messages.c.sequence)
    .limit(bindparam("free"))
)
_NEXT = select(func.min(messages.c.due_at)).where(_OPEN, messages.c.place == Place.WAITING.value)
_PLACE = (
    update(messages).where(messages.c.sequence == bindparam("number")).values(place=bindparam("to"))
)
_SETTLED = (
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(
        place=bindparam("to"),
        due_at=bindparam("due"),
        retried=bindparam("times"),
        finished_at=bindparam("finished"),
    )
)
_REQUESTED = select(messages.c.sequence).where(messages.c.cancel_requested == 1)
_NEW_ENTRY = insert(log_entries)
_NEW_DEAD_LETTER = insert(dead_letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the engine has room for: due messages, and parked ones by flow-control key."""

    now: int
    room: int
    free: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What the engine now holds; which keys have nothing parked any more; when to come again."""

    due: tuple[Message, ...]
    parked: tuple[Message, ...]
    emptied: tuple[str, ...]
    next_due_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """A settlement, and where the callbacks it makes are to lie."""

    settlement: Settlement
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was written in the end, and the callbacks with their numbers."""

    settlement: Settlement
    callbacks: tuple[Message, ...]


def claim(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    """Hands messages to the engine; parked ones first, as they have waited longer."""
    return [_claim(connection, one) for one in claims]


def park(connection: Connection, groups: Sequence[Sequence[int]]) -> list[None]:
    """Lays claimed messages aside until their flow-control key has a free slot."""
    _move(connection, [number for group in groups for number in group], Place.PARKED)
    return [None] * len(groups)


def recover(connection: Connection, starts: Sequence[None]) -> list[tuple[Message, ...]]:
    """Puts back what an engine held when it ended; gives one parked message of each key."""
    held = update(messages).where(_OPEN, messages.c.place == Place.CLAIMED.value)
    connection.execute(held.values(place=Place.WAITING.value))
    newest = (
        select(func.max(messages.c.sequence))
        .where(_OPEN, _IS_PARKED, messages.c.flow_key.is_not(None))
        .group_by(messages.c.flow_key)
    )
    parked = connection.execute(select(messages).where(messages.c.sequence.in_(newest)))
    found = tuple(message_of(row) for row in parked.mappings())
    return [found for _ in starts]


def settle(connection: Connection, settlings: Sequence[Settling]) -> list[Settled]:
    """Writes the outcomes of attempts, and everything that follows from them."""
    cancelled = _cancelled(connection, settlings)
    moves, entries, letters, results = [], [], [], []
    for settling in settlings:
        settlement = settling.settlement
        number = settlement.message.sequence
        if number in cancelled:
            settlement = settlement.cancelled()
        moves.append(_move_row(settlement))
        entries += [entry_row(entry, sequence=number) for entry in settlement.entries]
        if settlement.dead_letter is not None:
            letters.append(dead_letter_row(settlement.dead_letter, sequence=number))
        results.append((settlement, settling.places))
    connection.execute(_SETTLED, moves)
    connection.execute(_NEW_ENTRY, entries)
    if letters:
        connection.execute(_NEW_DEAD_LETTER, letters)
    return [_with_callbacks(connection, *result) for result in results]


def _claim(connection: Connection, wanted: Claim) -> Claimed:
    parked: list[Message] = []
    emptied = []
    for key, free in wanted.free.items():
        rows = connection.execute(_PARKED, {"key": key, "free": free}).mappings().all()
        parked += [message_of(row) for row in rows]
        if len(rows) < free:
            emptied.append(key)
    due = []
    if wanted.room > 0:
        found = connection.execute(_DUE, {"now": wanted.now, "room": wanted.room})
        due = [message_of(row) for row in found.mappings()]
    _move(connection, [message.sequence for message in (*parked, *due)], Place.CLAIMED)
    return Claimed(
        due=tuple(due),
        parked=tuple(parked),
        emptied=tuple(emptied),
        next_due_at=connection.execute(_NEXT).scalar_one(),
    )


def _move(connection: Connection, numbers: Sequence[int], place: Place) -> None:
    if numbers:
        rows = [{"number": number, "to": place.value} for number in numbers]
        connection.execute(_PLACE, rows)


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


def _move_row(settlement: Settlement) -> dict[str, object]:
    message = settlement.message
    waits = settlement.place is Place.WAITING
    return {
        "number": message.sequence,
        "to": settlement.place.value,
        "due": settlement.due_at if waits else message.due_at,
        "times": message.retried + 1 if waits else message.retried,
        "finished": None if waits else settlement.ended_at,
    }


def _with_callbacks(
    connection: Connection, settlement: Settlement, places: Sequence[Place]
) -> Settled:
    # A cancelled settlement has lost its callbacks, but not the places kept for them.
    arrivals = [
        Arrival(message=message, place=place)
        for message, place in zip(settlement.callbacks, places, strict=False)
    ]
    placed = insert_messages(connection, arrivals)
    return Settled(settlement=settlement, callbacks=tuple(placed.values()))
