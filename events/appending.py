"""What an append says to the database between lock and commit: read the heads, store the rows.

Stream numbers are given by us, 1, 2, 3, ... like positions, so that all can be written at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Integer, bindparam, func, insert, select, update

from events.chain import GENESIS
from events.heads import Head
from events.prepared import POSTGRESQL, AnyOf, Prepared, PreparedRows, given
from events.tables import events, streams

Row = Mapping[str, Any]


class Stream(NamedTuple):
    """A stream as the database knows it."""

    number: int
    version: int


class Heads(NamedTuple):
    """The log's end, the highest stream number, and the streams that were asked for and exist."""

    head: Head
    last_number: int
    streams: dict[str, Stream]


def read_heads(connection: Connection, names: Iterable[str]) -> Heads:
    """Where the log and these streams stand; on PostgreSQL only true while the lock is held."""
    rows = _HEADS.all(connection, names=list(names))
    position, recorded_at, chain, last_number = rows[0][:4]
    head = Head(0, 0, GENESIS) if position is None else Head(position, recorded_at, chain)
    found = {row[4]: Stream(row[5], row[6]) for row in rows if row[4] is not None}
    return Heads(head, last_number or 0, found)


def store_rows(
    connection: Connection,
    rows: Sequence[Row],
    *,
    begun: Mapping[str, Stream],
    moved: Mapping[int, int],
) -> None:
    """Store events' rows, the streams that begin with them, and new versions by stream number."""
    new = [
        {"stream_no": one.number, "name": name, "version": one.version}
        for name, one in begun.items()
    ]
    if connection.dialect.name == POSTGRESQL:
        lists = {column.name: [row[column.name] for row in rows] for column in events.c}
        _AT_ONCE.run(
            connection,
            **lists,
            begun_no=[row["stream_no"] for row in new],
            begun_name=[row["name"] for row in new],
            begun_version=[row["version"] for row in new],
            moved_no=list(moved),
            moved_version=list(moved.values()),
        )
        return
    if new:
        _BEGUN.run(connection, new)
    if moved:
        _MOVED.run_many(connection, [{"number": n, "reached": v} for n, v in moved.items()])
    _EVENTS.run(connection, rows)


def _heads() -> Any:
    log = select(
        select(func.max(events.c.position)).scalar_subquery().label("position"),
        select(func.max(streams.c.stream_no)).scalar_subquery().label("numbers"),
    ).subquery("log")
    joined = log.outerjoin(events, events.c.position == log.c.position).outerjoin(
        streams, AnyOf(streams.c.name, "names")
    )
    return select(
        log.c.position,
        events.c.recorded_at,
        events.c.chain,
        log.c.numbers,
        streams.c.name,
        streams.c.stream_no,
        streams.c.version,
    ).select_from(joined)


def _all_at_once() -> Any:
    """One statement: to PostgreSQL each is a journey, and the lock is held all the way."""
    new = given(
        Column("begun_no", Integer),
        Column("begun_name", streams.c.name.type),
        Column("begun_version", Integer),
    )
    old = given(Column("moved_no", Integer), Column("moved_version", Integer))
    begin = insert(streams).from_select(["stream_no", "name", "version"], select(*new.c))
    move = (
        update(streams)
        .where(streams.c.stream_no == old.c.moved_no)
        .values(version=old.c.moved_version)
    )
    rows = given(*events.c)
    store = insert(events).from_select(list(events.c.keys()), select(*rows.c))
    return store.add_cte(begin.cte("begin"), move.cte("move"))


_HEADS = Prepared(_heads())
_AT_ONCE = Prepared(_all_at_once())
_BEGUN = PreparedRows(streams)
_MOVED = Prepared(
    update(streams)
    .where(streams.c.stream_no == bindparam("number"))
    .values(version=bindparam("reached"))
)
_EVENTS = PreparedRows(events)
