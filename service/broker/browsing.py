"""Statements that list messages by the state they are in, a bounded number of rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import merge
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    func,
    literal_column,
    select,
    tuple_,
)

from service.broker.filters import Selection
from service.broker.message import Options, Place, State
from service.broker.overview import LANES, OPEN, TRIED, last_state
from service.broker.records import details_of, options_of
from service.broker.selecting import conditions
from service.broker.tables import log_entries, messages

__all__ = ["Condition", "Glance", "Listing", "Wish", "browse", "condition_of"]

MOST_EXAMINED = 1_000
_CHUNK = 100

Key = tuple[int, int]


class Condition(StrEnum):
    """What a message is doing now, in a word."""

    WAITING = "waiting"
    ACTIVE = "active"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OUTCOMES = {
    State.DELIVERED.value: Condition.DELIVERED,
    State.FAILED.value: Condition.FAILED,
    State.CANCELED.value: Condition.CANCELLED,
}
_LAST_ERROR = (
    select(log_entries.c.details)
    .where(
        log_entries.c.sequence == messages.c.sequence,
        log_entries.c.state == literal_column("'ERROR'"),
    )
    .order_by(log_entries.c.id.desc())
    .limit(1)
    .correlate(messages)
    .scalar_subquery()
)
_OPEN = (Condition.WAITING, Condition.RETRYING, Condition.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A page: messages in one condition or in any, behind the key where the last page ended."""

    condition: Condition | None
    selection: Selection
    after: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A message in a list, without what it carries; times in microseconds."""

    id: str
    url: str
    condition: Condition
    place: Place
    created_at: int
    due_at: int
    finished_at: int | None
    retried: int
    cancelling: bool
    size: int
    options: Options
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Some messages, and where to go on looking; nowhere when these were the last."""

    found: Sequence[Glance]
    next: Key | None


def browse(connection: Connection, wish: Wish) -> Listing:
    """A page. It may be short and yet not the last: only so many rows are looked at for one."""
    wanted = wish.selection.count
    found: list[tuple[Key, RowMapping]] = []
    after, examined = wish.after, 0
    more = True
    while more and len(found) <= wanted and examined < MOST_EXAMINED:
        keys = _keys(connection, wish, after)
        rows = _rows(connection, wish, keys)
        found += [(key, rows[key[1]]) for key in keys if key[1] in rows]
        examined += len(keys)
        more = len(keys) == _CHUNK
        after = keys[-1] if keys else after
    shown = found[:wanted]
    if len(found) > wanted:
        after, more = shown[-1][0], True
    return Listing(found=_glances([row for _, row in shown]), next=after if more else None)


def condition_of(row: RowMapping) -> Condition | None:
    """What the message of a row is doing; None when its end was forgotten."""
    if row["finished_at"] is not None:
        return _OUTCOMES.get(row["last_state"])
    if row["place"] == Place.CLAIMED.value:
        return Condition.ACTIVE
    return Condition.RETRYING if row["retried"] else Condition.WAITING


def _keys(connection: Connection, wish: Wish, after: Key | None) -> list[Key]:
    """The next rows in the order of an index: what comes first for open ones, else the newest."""
    if wish.condition in _OPEN:
        places = (Place.CLAIMED,) if wish.condition is Condition.ACTIVE else LANES
        each = [_lane(connection, wish, place, after) for place in places]
        return list(islice(merge(*each), _CHUNK))
    if wish.condition is None:
        newest = select(messages.c.sequence, messages.c.sequence.label("again"))
        return _newest(connection, newest, messages.c.sequence, after)
    ended = select(messages.c.finished_at, messages.c.sequence).where(
        messages.c.finished_at.is_not(None)
    )
    return _newest(connection, ended, messages.c.finished_at, after)


def _lane(connection: Connection, wish: Wish, place: Place, after: Key | None) -> Iterator[Key]:
    due = (messages.c.due_at, messages.c.sequence)
    wanted = select(*due).where(OPEN, messages.c.place == place.value)
    if wish.condition is Condition.RETRYING:
        wanted = wanted.where(TRIED)
    if after is not None:
        wanted = wanted.where(tuple_(*due) > after)
    for row in connection.execute(wanted.order_by(*due).limit(_CHUNK)):
        yield row[0], row[1]


def _newest(
    connection: Connection,
    wanted: Select[int, int],
    by: ColumnElement[int],
    after: Key | None,
) -> list[Key]:
    if after is not None:
        wanted = wanted.where(tuple_(by, messages.c.sequence) < after)
    wanted = wanted.order_by(by.desc(), messages.c.sequence.desc()).limit(_CHUNK)
    return [(key, number) for key, number in connection.execute(wanted).all()]


def _rows(connection: Connection, wish: Wish, keys: Sequence[Key]) -> dict[int, RowMapping]:
    if not keys:
        return {}
    wanted = select(
        *(c for c in messages.c if c.name not in ("body", "headers")),
        func.length(messages.c.body).label("size"),
        last_state().label("last_state"),
        _LAST_ERROR.label("last_error"),
    ).where(
        messages.c.sequence.in_([number for _, number in keys]),
        *conditions(wish.selection, at=messages.c.created_at),
    )
    rows = connection.execute(wanted).mappings()
    return {
        row["sequence"]: row
        for row in rows
        if condition_of(row) is not None and wish.condition in (None, condition_of(row))
    }


def _glances(rows: Sequence[RowMapping]) -> list[Glance]:
    return [
        Glance(
            id=row["message_id"],
            url=row["url"],
            condition=condition,
            place=Place(row["place"]),
            created_at=row["created_at"],
            due_at=row["due_at"],
            finished_at=row["finished_at"],
            retried=row["retried"],
            cancelling=bool(row["cancel_requested"]) and row["finished_at"] is None,
            size=row["size"],
            options=options_of(row["options"]),
            error=details_of(row["last_error"]).error,
        )
        for row in rows
        if (condition := condition_of(row)) is not None
    ]
