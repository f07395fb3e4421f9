"""What an append says to the database between lock and commit: read the heads, store the rows.

Stream numbers are given by us, 1, 2, 3, ... like positions, so that all can be written at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Integer, bindparam, func, insert, select, update

from events.heads import START, Head
from events.prepared import POSTGRESQL, AnyOf, Prepared, PreparedRows, given
from events.store import Recorded, Stored
from events.tables import events, streams

Row = tuple[object, ...]
"""The values of an event, in the order of the table's columns."""

Written = tuple[Recorded | Stored, bytes, bytes]
"""An event with its data and its metadata, as they are stored."""


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
    head = START if position is None else Head(position, recorded_at, chain)
    found = {row[4]: Stream(row[5], row[6]) for row in rows if row[4] is not None}
    return Heads(head, last_number or 0, found)


def store_events(
    connection: Connection,
    written: Iterable[Written],
    *,
    versions: Mapping[str, int],
    heads: Heads,
) -> None:
    """Store events, and what versions their streams reach with them."""
    known = dict(heads.streams)
    begun: dict[str, Stream] = {}
    moved: dict[int, int] = {}
    for name, version in versions.items():
        if name in known:
            moved[known[name].number] = version
        else:
            known[name] = begun[name] = Stream(heads.last_number + len(begun) + 1, version)
    rows = [
        _row_of(event, known[event.stream].number, data=data, meta=meta)
        for event, data, meta in written
    ]
    _store_rows(connection, rows, begun=begun, moved=moved)


def _store_rows(
    connection: Connection,
    rows: Sequence[Row],
    *,
    begun: Mapping[str, Stream],
    moved: Mapping[int, int],
) -> None:
    new = [(one.number, name, one.version) for name, one in begun.items()]
    if connection.dialect.name == POSTGRESQL:
        lists = dict(zip(events.c.keys(), map(list, zip(*rows, strict=True)), strict=True))
        _AT_ONCE.run(
            connection,
            **lists,
            begun_no=[row[0] for row in new],
            begun_name=[row[1] for row in new],
            begun_version=[row[2] for row in new],
            moved_no=list(moved),
            moved_version=list(moved.values()),
        )
        return
    if new:
        _BEGUN.run_tuples(connection, new)
    if moved:
        _MOVED.run_tuples(connection, [(version, number) for number, version in moved.items()])
    _EVENTS.run_tuples(connection, rows)


def _row_of(event: Recorded | Stored, number: int, *, data: bytes, meta: bytes) -> Row:
    """An event as a row; ``number`` is its stream's."""
    return (
        event.position,
        number,
        event.version,
        event.event_id,
        event.type,
        event.schema_version,
        event.occurred_at,
        event.recorded_at,
        event.correlation_id,
        event.causation_id,
        data.decode(),
        meta.decode(),
        event.chain,
    )


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
