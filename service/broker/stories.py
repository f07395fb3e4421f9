"""One message with all its attempts, folded from its log."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, func, select

from service.broker.browsing import Condition, condition_of
from service.broker.message import Message, Place, State
from service.broker.overview import last_state
from service.broker.records import Details, details_of, message_of
from service.broker.tables import dead_letters, log_entries, messages

__all__ = ["Moment", "Story", "Try", "attempts_in", "tell"]

MOST_ENTRIES = 300


class Moment(Struct, frozen=True, kw_only=True):
    """An entry of a message's log."""

    at: int
    state: State
    details: Details


class Try(Struct, frozen=True, kw_only=True):
    """One attempt: when it was made, how it ended, and when the next one is due because of it."""

    number: int
    started_at: int
    ended_at: int | None = None
    delivered: bool = False
    details: Details = Details()
    next_at: int | None = None


class Story(Struct, frozen=True, kw_only=True):
    """A message, what it is doing, and its newest attempts, the oldest of these first."""

    message: Message
    condition: Condition
    place: Place
    finished_at: int | None
    cancel_requested: bool
    forgotten: bool
    """Whether its body and headers were removed, as it ended long ago."""
    dead_letter: int | None
    moments: Sequence[Moment]
    attempts: Sequence[Try]


def tell(connection: Connection, message_id: str) -> Story | None:
    """The story of a message; None when there is none, or its log was forgotten."""
    wanted = select(
        *messages.c,
        last_state().label("last_state"),
        select(dead_letters.c.id)
        .where(dead_letters.c.sequence == messages.c.sequence)
        .scalar_subquery()
        .label("dead_letter"),
    ).where(messages.c.message_id == message_id)
    row = connection.execute(wanted).mappings().one_or_none()
    condition = None if row is None else condition_of(row)
    if row is None or condition is None:
        return None
    moments = _moments(connection, row)
    return Story(
        message=message_of(row),
        condition=condition,
        place=Place(row["place"]),
        finished_at=row["finished_at"],
        cancel_requested=bool(row["cancel_requested"]),
        # Headers are never empty bytes while they are there: at least an empty list.
        forgotten=row["headers"] == b"",
        dead_letter=row["dead_letter"],
        moments=moments,
        attempts=attempts_in(moments, left_out=_left_out(connection, row, moments)),
    )


def attempts_in(moments: Sequence[Moment], *, left_out: int = 0) -> list[Try]:
    """The attempts that a log tells of, when so many earlier ones are left out of it (pure)."""
    attempts: list[Try] = []
    for moment in moments:
        if moment.state is State.ACTIVE:
            number = left_out + len(attempts) + 1
            attempts.append(Try(number=number, started_at=moment.at))
        elif attempts and moment.state in (State.ERROR, State.DELIVERED):
            attempts[-1] = replace(
                attempts[-1],
                ended_at=moment.at,
                delivered=moment.state is State.DELIVERED,
                details=moment.details,
            )
        elif attempts and moment.state is State.RETRY:
            attempts[-1] = replace(attempts[-1], next_at=moment.details.next_delivery_at)
    return attempts


def _moments(connection: Connection, row: RowMapping) -> list[Moment]:
    newest = (
        select(log_entries.c.at, log_entries.c.state, log_entries.c.details)
        .where(log_entries.c.sequence == row["sequence"])
        .order_by(log_entries.c.id.desc())
        .limit(MOST_ENTRIES)
    )
    entries = [
        Moment(at=entry.at, state=State(entry.state), details=details_of(entry.details))
        for entry in connection.execute(newest)
    ]
    return entries[::-1]


def _left_out(connection: Connection, row: RowMapping, moments: Sequence[Moment]) -> int:
    if len(moments) < MOST_ENTRIES:
        return 0
    made = select(func.count()).where(
        log_entries.c.sequence == row["sequence"], log_entries.c.state == State.ACTIVE.value
    )
    shown = sum(moment.state is State.ACTIVE for moment in moments)
    return connection.execute(made).scalar_one() - shown
