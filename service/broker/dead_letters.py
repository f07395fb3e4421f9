"""Statements of the dead letter queue: list, get, delete, retry."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Select, delete, select

from service.broker.arrivals import Arrival, Arrived, insert_messages
from service.broker.filters import Selection
from service.broker.message import Message
from service.broker.outcome import Answer
from service.broker.records import headers_of, message_of
from service.broker.selecting import conditions, number_of
from service.broker.settlement import DeadLetter
from service.broker.tables import dead_letters, messages

__all__ = [
    "Dead",
    "Deleted",
    "Revival",
    "delete_dead_letters",
    "find_dead_letter",
    "retry_dead_letters",
    "select_dead_letters",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A message that failed for good, with what it failed with."""

    message: Message
    letter: DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Revival:
    """The number of a dead letter, and the message that takes its place."""

    number: int
    arrival: Arrival


def select_dead_letters(connection: Connection, selection: Selection) -> list[Dead]:
    """One page, the oldest first; one more than asked for tells that there is another page."""
    wanted = _picked(selection).order_by(dead_letters.c.id).limit(selection.count + 1)
    return [_dead(row) for row in connection.execute(wanted).mappings()]


def find_dead_letter(connection: Connection, dlq_id: str) -> Dead | None:
    """The dead letter with this id."""
    wanted = _joined().where(dead_letters.c.id == number_of(dlq_id))
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else _dead(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many dead letters are gone; the last of them, when there are more behind it."""

    count: int
    cursor: int | None


def delete_dead_letters(connection: Connection, selections: Sequence[Selection]) -> list[Deleted]:
    """Deletes what is selected, at most `count` each; says how many."""
    return [_delete(connection, selection) for selection in selections]


def retry_dead_letters(
    connection: Connection, groups: Sequence[Sequence[Revival]]
) -> list[tuple[Arrived, ...]]:
    """Turns dead letters into new messages; those that are gone already make none."""
    return [_revive(connection, revivals) for revivals in groups]


def _revive(connection: Connection, revivals: Sequence[Revival]) -> tuple[Arrived, ...]:
    there = _remove(connection, [revival.number for revival in revivals])
    arrivals = [revival.arrival for revival in revivals if revival.number in there]
    placed = insert_messages(connection, arrivals)
    return tuple(
        Arrived(message=placed[arrival.message.id], place=arrival.place) for arrival in arrivals
    )


def _delete(connection: Connection, selection: Selection) -> Deleted:
    picked = _picked(selection).with_only_columns(dead_letters.c.id).order_by(dead_letters.c.id)
    numbers = connection.execute(picked.limit(selection.count + 1)).scalars().all()
    gone = _remove(connection, numbers[: selection.count])
    more = len(numbers) > selection.count
    return Deleted(count=len(gone), cursor=numbers[selection.count - 1] if more else None)


def _remove(connection: Connection, numbers: Sequence[int]) -> frozenset[int]:
    if not numbers:
        return frozenset()
    gone = connection.execute(
        delete(dead_letters).where(dead_letters.c.id.in_(numbers)).returning(dead_letters.c.id)
    )
    return frozenset(gone.scalars())


def _joined() -> Select[tuple[object, ...]]:
    return select(dead_letters, *(c for c in messages.c if c.name != "sequence")).join(
        messages, messages.c.sequence == dead_letters.c.sequence
    )


def _picked(selection: Selection) -> Select[tuple[object, ...]]:
    wanted = _joined().where(*conditions(selection, at=dead_letters.c.failed_at))
    if selection.cursor is not None:
        wanted = wanted.where(dead_letters.c.id > selection.cursor)
    return wanted


def _dead(row: RowMapping) -> Dead:
    status = row["response_status"]
    answer = Answer(
        status=status, headers=headers_of(row["response_headers"]), body=row["response_body"]
    )
    letter = DeadLetter(id=row["id"], failed_at=row["failed_at"], answer=answer if status else None)
    return Dead(message=message_of(row), letter=letter)
