"""Statements that are built and compiled once, and run by the driver itself.

SQLAlchemy writes the SQL for each database; but its own execution of a statement costs several
times what SQLite needs to run it. The hot paths (append, fold, checkpoint) therefore keep the
compiled text and hand the driver plain tuples. ``docs/decisions/0006`` has the figures.

What differs: SQLite runs a statement for each row and takes a list as JSON; PostgreSQL, to which
every statement is a journey, takes lists and all rows at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Table, bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.types import Boolean, Text, TypeDecorator, TypeEngine

POSTGRESQL = "postgresql"


class Prepared:
    """One statement; parameters are given by name."""

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """``columns`` are those that an insert fills, if not all of the table."""
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, tuple[str, Sequence[str]]] = {}

    def one(self, connection: Connection, **parameters: object) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        row: tuple[Any, ...] | None = self._executed(
            connection, parameters, lambda cursor: cursor.fetchone()
        )
        return row

    def all(self, connection: Connection, **parameters: object) -> list[tuple[Any, ...]]:
        """Every row."""
        return list(self._executed(connection, parameters, lambda cursor: cursor.fetchall()))

    def run(self, connection: Connection, **parameters: object) -> int:
        """Run it once; how many rows it changed."""
        return int(self._executed(connection, parameters, lambda cursor: cursor.rowcount))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it for each row; to insert many rows, ``PreparedRows`` is quicker."""
        names = self.names(connection)
        self.run_tuples(connection, [tuple(row[name] for name in names) for row in rows])

    def run_tuples(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Run it for each row, whose values stand in the order of ``names``."""
        text, _ = self._text(connection)
        with _Cursor(connection, text) as cursor:
            cursor.executemany(text, rows)

    def names(self, connection: Connection) -> Sequence[str]:
        """The parameters, in the order in which the statement has them."""
        return self._text(connection)[1]

    def _executed(
        self,
        connection: Connection,
        parameters: Mapping[str, object],
        result: Callable[[Any], Any],
    ) -> Any:
        text, names = self._text(connection)
        values: Iterable[object] = (parameters[name] for name in names)
        if connection.dialect.name != POSTGRESQL:
            values = map(_as_json, values)
        with _Cursor(connection, text) as cursor:
            cursor.execute(text, tuple(values))
            return result(cursor)

    def _text(self, connection: Connection) -> tuple[str, Sequence[str]]:
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
            known = self._compiled[dialect.name] = (str(compiled), compiled.positiontup or ())
        return known


class _Cursor:
    """A driver's cursor; what the driver raises is SQLAlchemy's, as if it had run the statement."""

    def __init__(self, connection: Connection, text: str) -> None:
        self._connection = connection
        self._text = text
        self._cursor = connection.connection.cursor()

    def __enter__(self) -> Any:
        return self._cursor

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._cursor.close()
        driver = self._connection.dialect.loaded_dbapi
        if isinstance(error, driver.Error):
            raise DBAPIError.instance(
                self._text, None, error, driver.Error, hide_parameters=True
            ) from error


class PreparedRows:
    """Inserts many rows at once; with ``key``, a row whose key is there already is replaced."""

    def __init__(self, table: Table, *, key: str | None = None) -> None:
        self._names = [column.name for column in table.c]
        self._by_row = Prepared(_by_row(table, key))
        self._at_once = Prepared(_at_once(table, key))

    def run(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Store these rows; each gives a value for every column of the table."""
        self.run_tuples(connection, [tuple(row[name] for name in self._names) for row in rows])

    def run_tuples(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Store these rows, whose values stand in the order of the table's columns."""
        if connection.dialect.name == POSTGRESQL:
            columns = map(list, zip(*rows, strict=True))
            self._at_once.run(connection, **dict(zip(self._names, columns, strict=True)))
        else:
            self._by_row.run_tuples(connection, rows)


def given(*columns: Column[Any]) -> Any:
    """Rows handed to PostgreSQL as one list for each column, which are parameters of its name."""
    lists = [bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in columns]
    named = [column.name for column in columns]
    return func.unnest(*lists).table_valued(*named).render_derived()


class AnyOf(ColumnElement[bool]):
    """Whether the column's value is in the list that is the parameter ``name``."""

    inherit_cache = False
    type = Boolean()
    _is_implicitly_boolean = True  # no database needs a comparison with true around it

    def __init__(self, column: Column[Any], name: str) -> None:
        self.column = column
        self.values: ColumnElement[Any] = bindparam(name, type_=_List(column.type))


class _List(TypeDecorator[Any]):
    """An array where there are arrays, JSON elsewhere."""

    impl = Text
    cache_ok = False

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self._of = of

    def load_dialect_impl(self, dialect: Any) -> Any:
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(postgresql.ARRAY(self._of))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return value if dialect.name == POSTGRESQL else _as_json(value)


@compiles(AnyOf, POSTGRESQL)
def _in_array(element: AnyOf, compiler: Any, **keywords: Any) -> str:
    column = compiler.process(element.column, **keywords)
    return f"{column} = ANY ({compiler.process(element.values, **keywords)})"


@compiles(AnyOf, "sqlite")
def _in_json(element: AnyOf, compiler: Any, **keywords: Any) -> str:
    column = compiler.process(element.column, **keywords)
    values = compiler.process(element.values, **keywords)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 -- compiled parts


def _as_json(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


def _by_row(table: Table, key: str | None) -> ClauseElement:
    # An insert of all columns has its parameters in the table's order.
    if key is None:
        return insert(table)
    statement = sqlite.insert(table)
    changed = {c.name: statement.excluded[c.name] for c in table.c if c.name != key}
    return statement.on_conflict_do_update(index_elements=[key], set_=changed)


def _at_once(table: Table, key: str | None) -> ClauseElement:
    rows = given(*table.c)
    statement = postgresql.insert(table).from_select(list(table.c.keys()), select(*rows.c))
    if key is None:
        return statement
    changed = {c.name: statement.excluded[c.name] for c in table.c if c.name != key}
    return statement.on_conflict_do_update(index_elements=[key], set_=changed)
