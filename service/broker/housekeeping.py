"""Statements that forget what is old, a bounded number of rows at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert

from service.broker.tables import (
    dead_letters,
    deduplication,
    flow_keys,
    log_entries,
    marks,
    messages,
)

__all__ = ["Horizons", "forget"]

SECOND = 1_000_000
BATCH = 1000
_EMPTIED = "emptied_until"
_DEAD = select(dead_letters.c.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """Before these moments: contents of finished messages, the log, dead letters, names.

    Flow-control keys go with the log, unless somebody pinned or paused them.
    """

    content: int
    log: int
    dead_letters: int
    now: int


def forget(connection: Connection, horizons: Sequence[Horizons]) -> list[bool]:
    """Forgets one batch of each kind; says whether there may be more."""
    return [any(_forget(connection, one)) for one in horizons]


def _forget(connection: Connection, horizons: Horizons) -> list[bool]:
    old_names = (
        select(deduplication.c.name)
        .where(deduplication.c.expires_at <= horizons.now)
        .order_by(deduplication.c.expires_at)
    )
    old_messages = (
        select(messages.c.sequence)
        .where(messages.c.finished_at <= horizons.log, messages.c.sequence.not_in(_DEAD))
        .order_by(messages.c.finished_at)
    )
    oldest_letters = select(dead_letters.c.id).order_by(dead_letters.c.id).limit(BATCH)
    oldest_entries = select(log_entries.c.id).order_by(log_entries.c.id).limit(BATCH)
    gone = [
        delete(deduplication).where(deduplication.c.name.in_(old_names.limit(BATCH))),
        delete(dead_letters).where(
            dead_letters.c.id.in_(oldest_letters),
            dead_letters.c.failed_at <= horizons.dead_letters,
        ),
        delete(log_entries).where(
            log_entries.c.id.in_(oldest_entries), log_entries.c.at <= horizons.log
        ),
        delete(messages).where(messages.c.sequence.in_(old_messages.limit(BATCH))),
        delete(flow_keys).where(flow_keys.c.key.in_(_unused_keys(horizons).limit(BATCH))),
    ]
    full = [connection.execute(statement).rowcount >= BATCH for statement in gone]
    return [*full, _empty(connection, horizons.content)]


def _unused_keys(horizons: Horizons) -> Select[tuple[str]]:
    key = flow_keys.c
    return select(key.key).where(
        key.updated_at <= horizons.log,
        # A period that runs has a count which the next message must find.
        key.period_start + key.period * SECOND <= horizons.now,
        key.paused + key.pinned_parallelism + key.pinned_rate == 0,
        ~exists().where(messages.c.finished_at.is_(None), messages.c.flow_key == key.key),
    )


def _empty(connection: Connection, until: int) -> bool:
    """Removes bodies and headers of finished messages, which their log does not need."""
    mark = connection.execute(select(marks.c.value).where(marks.c.name == _EMPTIED)).scalar() or 0
    rows = connection.execute(
        select(messages.c.sequence, messages.c.finished_at)
        .where(messages.c.finished_at > mark, messages.c.finished_at <= until)
        .order_by(messages.c.finished_at)
        .limit(BATCH)
    ).all()
    if not rows:
        return False
    last = rows[-1].finished_at
    connection.execute(
        update(messages)
        .where(messages.c.sequence == bindparam("number"), messages.c.sequence.not_in(_DEAD))
        .values(body=b"", headers=b""),
        [{"number": row.sequence} for row in rows],
    )
    # Several can have finished in one microsecond: those behind the batch's end come next time.
    remembered = last - 1 if len(rows) >= BATCH and rows[0].finished_at < last else last
    stated = insert(marks).values(name=_EMPTIED, value=remembered)
    connection.execute(
        stated.on_conflict_do_update(
            index_elements=[marks.c.name], set_={"value": func.max(marks.c.value, remembered)}
        )
    )
    return len(rows) >= BATCH
