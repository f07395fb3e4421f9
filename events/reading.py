"""What a reader of the log asks the database."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles

from events.errors import Archived
from events.prepared import Prepared
from events.store import Stored
from events.tables import events, log_info, streams

_LAST = Prepared(select(func.max(events.c.position)))

_NAMES = Stored.__struct_fields__
_BYTES = ("data", "meta")
_TEXTS = ("stream", "event_id", "type", "correlation_id", "causation_id")


class AsBytes(ColumnElement[bytes]):
    """A text as its UTF-8 bytes, whatever they are."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[str]) -> None:
        self.column = column


@compiles(AsBytes, "sqlite")
def _as_blob(element: AsBytes, compiler: Any, **keywords: Any) -> str:
    return f"CAST({compiler.process(element.column, **keywords)} AS BLOB)"


@compiles(AsBytes, "postgresql")
def _as_bytea(element: AsBytes, compiler: Any, **keywords: Any) -> str:
    return f"convert_to({compiler.process(element.column, **keywords)}, 'UTF8')"


def _stored(*, as_bytes: Sequence[str]) -> Select[Any]:
    """The fields of ``Stored`` in their order, some of them as bytes whatever they hold."""
    columns = [streams.c.name if name == "stream" else events.c[name] for name in _NAMES]
    read = [
        AsBytes(column) if name in as_bytes else column
        for name, column in zip(_NAMES, columns, strict=True)
    ]
    return select(*read).join_from(events, streams, streams.c.stream_no == events.c.stream_no)


_AFTER: BindParameter[int] = bindparam("after")
_UPTO: BindParameter[int] = bindparam("upto")


def _page(fields: Select[Any]) -> Prepared:
    # Positions and versions are dense, so a range is a limit.
    inside = fields.where(events.c.position > _AFTER, events.c.position <= _UPTO)
    return Prepared(inside.order_by(events.c.position))


_FIELDS = _stored(as_bytes=_BYTES)
_PAGE = _page(_FIELDS)
_RAW_PAGE = _page(_stored(as_bytes=_BYTES + _TEXTS))
_STREAM = Prepared(
    _FIELDS.where(
        streams.c.name == bindparam("name"),
        events.c.version > _AFTER,
        events.c.version <= _UPTO,
    ).order_by(events.c.version)
)
_RECORDED_AT = Prepared(
    select(events.c.recorded_at).where(events.c.position == bindparam("position"))
)
_INFO = Prepared(select(log_info.c.value).where(log_info.c.name == bindparam("name")))
_NEW_INFO = Prepared(insert(log_info))
_OTHER_INFO = Prepared(
    update(log_info).where(log_info.c.name == bindparam("of")).values(value=bindparam("new"))
)

LONGEST = 2**31 - 1
"""The highest version that a stream can have."""


def head(connection: Connection) -> int:
    """The highest position."""
    row = _LAST.one(connection)
    return (row and row[0]) or 0


def page(after: int, limit: int, connection: Connection) -> list[Stored]:
    """The events at the positions behind ``after``; raises ``Archived``."""
    found = _read(_PAGE, connection, after=after, upto=after + limit)
    _check_floor(found, after, connection)
    return found


def raw_page(after: int, limit: int, connection: Connection) -> list[Stored]:
    """The same, also when a text is damaged so that it is none any more."""
    rows = _RAW_PAGE.all(connection, after=after, upto=after + limit)
    found = [Stored(*map(_text, _NAMES, row)) for row in rows]
    _check_floor(found, after, connection)
    return found


def stream(name: str, after: int, connection: Connection, *, limit: int = LONGEST) -> list[Stored]:
    """The stream's events with a version above ``after``."""
    return _read(_STREAM, connection, name=name, after=after, upto=min(after + limit, LONGEST))


def floor(connection: Connection) -> int:
    """The highest archived position."""
    row = _INFO.one(connection, name="floor")
    return int(row[0]) if row else 0


def position_at(microseconds: int, connection: Connection) -> int:
    """The last position recorded at this time or before; times rise, so half is left each time."""
    low, high = floor(connection), head(connection)
    while low < high:
        middle = (low + high + 1) // 2
        row = _RECORDED_AT.one(connection, position=middle)
        if row is not None and row[0] <= microseconds:
            low = middle
        else:
            high = middle - 1
    return low


def known_epoch(connection: Connection) -> str | None:
    """The log's name for itself; ``None`` if nobody has opened it to write."""
    row = _INFO.one(connection, name="epoch")
    return str(row[0]) if row is not None else None


def adopt(name: str, connection: Connection) -> None:
    """Give a log that holds nothing this name; any other log keeps its own."""
    if head(connection):
        return
    if known_epoch(connection) is None:
        _NEW_INFO.run(connection, name="epoch", value=name)
    else:
        _OTHER_INFO.run(connection, of="epoch", new=name)


def epoch(new_epoch: Callable[[], str], connection: Connection) -> str:
    """The log's name for itself, made now if it has none."""
    known = known_epoch(connection)
    if known is not None:
        return known
    made = new_epoch()
    _NEW_INFO.run(connection, name="epoch", value=made)
    return made


def _read(statement: Prepared, connection: Connection, **given: object) -> list[Stored]:
    return [Stored(*row) for row in statement.all(connection, **given)]


def _check_floor(found: Sequence[Stored], after: int, connection: Connection) -> None:
    if found and found[0].position == after + 1:
        return
    lowest = floor(connection)
    if after < lowest:
        raise Archived(after + 1, lowest)


def _text(name: str, value: Any) -> Any:
    """What was read as bytes only because it may be damaged."""
    return value.decode(errors="replace") if name in _TEXTS and isinstance(value, bytes) else value
