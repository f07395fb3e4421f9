"""Statements that hand messages to the delivery engine, and lay them aside again."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnClause,
    Connection,
    bindparam,
    literal_column,
    select,
    update,
)

from service.broker.lanes import Passage, let_go, next_lane, wake_lanes
from service.broker.leases import next_due
from service.broker.message import Message, Place
from service.broker.rapid import Rapid
from service.broker.records import message_of
from service.broker.tables import messages

__all__ = ["Claim", "Claimed", "claim", "lay_aside"]

MOST_BYTES = 32 * 1024 * 1024
"""The bodies of one claim: it stops reading when there are so many."""

_OPEN = messages.c.finished_at.is_(None)
_DUE = Rapid(
    select(messages)
    .where(_OPEN, messages.c.place == Place.WAITING.value, messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at)
    .limit(bindparam("room"))
)
_ASIDE = Rapid(
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
_PUT = Rapid(
    update(messages)
    .where(messages.c.sequence == bindparam("number"))
    .values(place=bindparam("to"), host=bindparam("at"), holder=None)
)


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
    _PUT.run_each(connection, rows)
    keys = {m.options.flow.key for group in groups for m in group if m.options.flow}
    wake_lanes(connection, queues=(), keys=keys)
    return [None] * len(groups)


def _claim(connection: Connection, wanted: Claim) -> Claimed:
    due = _due(connection, wanted)
    passage = Passage(now=wanted.now, holder=wanted.holder, room=wanted.lanes)
    if wanted.lanes:
        let_go(connection, passage)
    aside: list[Message] = []
    emptied = []
    for host, free in wanted.aside.items():
        found, there_is_more = _read(_ASIDE.rows(connection, at=host, free=free), free)
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
    found, _ = _read(_DUE.rows(connection, now=wanted.now, room=wanted.due), wanted.due)
    limited = [message for message in found if message.options.flow is not None]
    if limited:
        lay_aside(connection, [limited])
    return [message for message in found if message.options.flow is None]


def _read(rows: sqlite3.Cursor, most: int) -> tuple[list[Message], bool]:
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
        _HAVE.run_each(connection, rows)
