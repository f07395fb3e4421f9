"""Statements that are compiled once and handed to the driver as they are.

SQLAlchemy's own way works out each statement and its parameters anew, which takes several times as
long as SQLite takes to run them. What the driver raises is the driver's (`sqlite3.Error`).
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, Connection, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement, ColumnElement

__all__ = ["Rapid", "Row", "among", "listed"]


class Row(Protocol):
    """A row whose columns are asked for by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Rapid:
    """One statement; parameters are given by name."""

    def __init__(self, statement: ClauseElement) -> None:
        # Any, because only the compilers of statements with parameters have these attributes.
        compiled: Any = statement.compile(dialect=sqlite.dialect())
        self.text = str(compiled)
        self._names: Sequence[str] = compiled.positiontup or ()
        binds = compiled.binds.items()
        self._constants = {name: bind.value for name, bind in binds if not bind.required}

    def rows(self, connection: Connection, **parameters: object) -> sqlite3.Cursor:
        """Runs it once; the rows, to be read before the transaction ends."""
        cursor = self._cursor(connection)
        cursor.row_factory = sqlite3.Row
        return cursor.execute(self.text, self._values(parameters))

    def values(self, connection: Connection, **parameters: object) -> list[Any]:
        """Runs it once; the first column of every row."""
        cursor = self._cursor(connection).execute(self.text, self._values(parameters))
        return [value for (value, *_) in cursor]

    def value(self, connection: Connection, **parameters: object) -> Any:
        """Runs it once; the first column of the first row, which has to be there."""
        return self.values(connection, **parameters)[0]

    def run(self, connection: Connection, **parameters: object) -> None:
        """Runs it once."""
        self._cursor(connection).execute(self.text, self._values(parameters))

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Runs it for each of these rows; every parameter has to be in every row."""
        self._cursor(connection).executemany(self.text, [self._values(row) for row in rows])

    def _values(self, given: Mapping[str, object]) -> tuple[object, ...]:
        if self._constants:
            given = {**self._constants, **given}
        return tuple([given[name] for name in self._names])

    def _cursor(self, connection: Connection) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = connection.connection.cursor()  # type: ignore[assignment] # the one driver of this file
        return cursor


def among(column: Column[Any], name: str) -> ColumnElement[bool]:
    """Whether the column's value is one of the parameter `name`, which is given as `listed`."""
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def listed(values: Iterable[object]) -> str:
    """Values of any number as one parameter."""
    return json.dumps(list(values))
