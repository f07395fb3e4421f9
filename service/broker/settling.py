"""Statements that write down how attempts ended, and everything that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnClause, Connection, bindparam, insert, literal_column, select, update

from service.broker.arrivals import Arrival, insert_messages
from service.broker.lanes import wake_lanes
from service.broker.message import Message, Place
from service.broker.rapid import Rapid, among, listed
from service.broker.records import ENTRY, dead_letter_row, entry_row
from service.broker.settlement import Settlement
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["Settled", "Settling", "settle"]

_CLAIMED: ColumnClause[str] = literal_column("'claimed'")
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
_MINE = Rapid(
    select(messages.c.sequence).where(
        messages.c.holder == bindparam("by"),
        messages.c.place == Place.CLAIMED.value,
        among(messages.c.sequence, "numbers"),
    )
)
_REQUESTED = Rapid(
    select(messages.c.sequence).where(
        messages.c.cancel_requested == 1, among(messages.c.sequence, "numbers")
    )
)
_NEW_ENTRY = Rapid(insert(log_entries).values(ENTRY))
_NEW_DEAD_LETTER = Rapid(insert(dead_letters))
_TAKEN = Rapid(select(dead_letters.c.id).where(among(dead_letters.c.id, "numbers")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """A settlement, whose it is, and where the callbacks it makes are to lie."""

    settlement: Settlement
    holder: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was written in the end, and the callbacks with their numbers.

    Nothing, when another engine has taken the message over meanwhile, or when the id of the dead
    letter is `taken`: another engine may have chosen it in the same millisecond.
    """

    settlement: Settlement | None
    callbacks: tuple[Message, ...] = ()
    taken: bool = False


def settle(connection: Connection, settlings: Sequence[Settling]) -> list[Settled]:
    """Writes the outcomes of attempts, and everything that follows from them."""
    mine = _mine(connection, settlings)
    taken = _taken(connection, settlings)
    cancelled = _cancelled(connection, settlings)
    moves, entries, letters = [], [], []
    results: list[tuple[Settlement, Sequence[Place], str] | Settled] = []
    for settling in settlings:
        settlement = settling.settlement
        number = settlement.message.sequence
        if number not in mine:
            results.append(Settled(settlement=None))
            continue
        if settlement.dead_letter is not None and settlement.dead_letter.id in taken:
            results.append(Settled(settlement=None, taken=True))
            continue
        if number in cancelled:
            settlement = settlement.cancelled()
        moves.append(_move_row(settlement, settling.holder))
        entries += [entry_row(entry, sequence=number) for entry in settlement.entries]
        if settlement.dead_letter is not None:
            letters.append(dead_letter_row(settlement.dead_letter, sequence=number))
        results.append((settlement, settling.places, settling.holder))
    if moves:
        _SETTLED.run_each(connection, moves)
        _NEW_ENTRY.run_each(connection, entries)
    if letters:
        _NEW_DEAD_LETTER.run_each(connection, letters)
    _wake_lanes(connection, [result[0] for result in results if not isinstance(result, Settled)])
    return [_with_callbacks(connection, result) for result in results]


def _mine(connection: Connection, settlings: Sequence[Settling]) -> frozenset[int]:
    numbers = [settling.settlement.message.sequence for settling in settlings]
    holder = settlings[0].holder
    return frozenset(_MINE.values(connection, by=holder, numbers=listed(numbers)))


def _taken(connection: Connection, settlings: Sequence[Settling]) -> frozenset[int]:
    letters = [settling.settlement.dead_letter for settling in settlings]
    numbers = [letter.id for letter in letters if letter is not None]
    return frozenset(_TAKEN.values(connection, numbers=listed(numbers)) if numbers else ())


def _cancelled(connection: Connection, settlings: Sequence[Settling]) -> frozenset[int]:
    numbers = [
        settling.settlement.message.sequence
        for settling in settlings
        if settling.settlement.dead_letter or settling.settlement.place is Place.WAITING
    ]
    if not numbers:
        return frozenset()
    return frozenset(_REQUESTED.values(connection, numbers=listed(numbers)))


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
    connection: Connection, result: tuple[Settlement, Sequence[Place], str] | Settled
) -> Settled:
    if isinstance(result, Settled):
        return result
    settlement, places, holder = result
    # A cancelled settlement has lost its callbacks, but not the places kept for them.
    arrivals = [
        Arrival(message=message, place=place, holder=holder)
        for message, place in zip(settlement.callbacks, places, strict=False)
    ]
    placed = insert_messages(connection, arrivals)
    return Settled(settlement=settlement, callbacks=tuple(placed.values()))
