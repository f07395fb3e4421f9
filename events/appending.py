"""What an append says to the database between lock and commit: read the heads, store the rows.

Stream numbers are given by us, 1, 2, 3, ... like positions, so that all can be written at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, bindparam, func, insert, select, text, update

from events.heads import START, Head
from events.prepared import POSTGRESQL, AnyOf, Prepared, PreparedRows, given
from events.store import Recorded, Stored
from events.tables import events, streams

REMEMBERED = 4096
"""Streams whose versions are kept in memory between two commits, so that nobody asks for them."""

Row = tuple[object, ...]
"""The values of an event, in the order of the table's columns."""

Written = tuple[Recorded | Stored, bytes, bytes]
"""An event with its data and its metadata, as they are stored."""


@dataclass(slots=True)
class Heads:
    """The log's end, the highest stream number, and number and version of streams that exist.

    Kept from one commit to the next and changed by it; after a commit that failed it is worth
    nothing.
    """

    head: Head
    last_number: int
    numbers: dict[str, int]
    versions: dict[str, int]
    stamp: object = None
    """Equal as long as nothing else was written to the database; ``None`` if that is not known."""


def read_heads(
    connection: Connection, names: Collection[str], *, before: Heads | None = None
) -> Heads:
    """Where the log and these streams stand; on PostgreSQL only true while the lock is held.

    ``before`` is what our own last commit left; where nothing else was written since, only the
    streams that it does not know are looked for.
    """
    stamp = _stamp(connection)
    if before is None or stamp is None or stamp != before.stamp:
        heads = _read(connection, names)
        heads.stamp = stamp
        return heads
    unknown = [name for name in names if name not in before.numbers]
    if unknown:
        found = _read(connection, unknown)
        before.numbers.update(found.numbers)
        before.versions.update(found.versions)
    return before


def _stamp(connection: Connection) -> object:
    if connection.dialect.name == POSTGRESQL:
        return None
    driver = connection.connection.driver_connection
    row = _DATA_VERSION.one(connection)  # changes with what other connections commit
    return None if row is None or driver is None else (driver, row[0], driver.total_changes)


def _read(connection: Connection, names: Collection[str]) -> Heads:
    rows = _HEADS.all(connection, names=list(names))
    position, recorded_at, chain, last_number = rows[0][:4]
    head = START if position is None else Head(position, recorded_at, chain)
    found = [row[4:] for row in rows if row[4] is not None]
    return Heads(
        head,
        last_number or 0,
        {name: number for name, number, _ in found},
        {name: version for name, _, version in found},
    )


def store_events(
    connection: Connection,
    written: Iterable[Written],
    *,
    versions: Mapping[str, int],
    head: Head,
    heads: Heads,
) -> Heads:
    """Store events; ``versions`` and ``head`` are what they reach. The heads behind them."""
    numbers = heads.numbers
    begun = {
        name: number
        for number, name in enumerate(
            (name for name in versions if name not in numbers), start=heads.last_number + 1
        )
    }
    moved = {numbers[name]: version for name, version in versions.items() if name in numbers}
    numbers.update(begun)
    rows = [
        _row_of(event, numbers[event.stream], data=data, meta=meta) for event, data, meta in written
    ]
    new = [(number, name, versions[name]) for name, number in begun.items()]
    _store_rows(connection, rows, begun=new, moved=moved)
    if len(numbers) > REMEMBERED:
        heads.numbers = {name: numbers[name] for name in versions}
        heads.versions = {}
    heads.versions.update(versions)
    heads.head = head
    heads.last_number += len(begun)
    heads.stamp = _stamp(connection)
    return heads


def _store_rows(
    connection: Connection,
    rows: Sequence[Row],
    *,
    begun: Sequence[tuple[int, str, int]],
    moved: Mapping[int, int],
) -> None:
    if connection.dialect.name == POSTGRESQL:
        lists = dict(zip(events.c.keys(), map(list, zip(*rows, strict=True)), strict=True))
        _AT_ONCE.run(
            connection,
            **lists,
            begun_no=[row[0] for row in begun],
            begun_name=[row[1] for row in begun],
            begun_version=[row[2] for row in begun],
            moved_no=list(moved),
            moved_version=list(moved.values()),
        )
        return
    if begun:
        _BEGUN.run_tuples(connection, begun)
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
_DATA_VERSION = Prepared(text("PRAGMA data_version"))
_AT_ONCE = Prepared(_all_at_once())
_BEGUN = PreparedRows(streams)
_MOVED = Prepared(
    update(streams)
    .where(streams.c.stream_no == bindparam("number"))
    .values(version=bindparam("reached"))
)
_EVENTS = PreparedRows(events)
