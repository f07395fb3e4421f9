"""Statements that are built and compiled once, and run by the driver itself.

SQLAlchemy writes the SQL for each database; but its own execution of a statement costs several
times what SQLite needs to run it. The hot paths (append, fold, checkpoint) therefore keep the
compiled text and hand the driver plain tuples. ``docs/decisions/0006`` has the figures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql import ClauseElement


class Prepared:
    """One statement; parameters are given by name."""

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """``columns`` are those that an insert fills, if not all of the table."""
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, tuple[str, Sequence[str]]] = {}

    def one(self, connection: Connection, **parameters: object) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        text, names = self._text(connection)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, tuple(parameters[name] for name in names))
            row: tuple[Any, ...] | None = cursor.fetchone()
        finally:
            cursor.close()
        return row

    def run(self, connection: Connection, **parameters: object) -> int:
        """Run it once; how many rows it changed."""
        return self.run_many(connection, [parameters])

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> int:
        """Run it for each row; how many rows were changed."""
        text, names = self._text(connection)
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(text, [tuple(row[name] for name in names) for row in rows])
            changed: int = cursor.rowcount
        finally:
            cursor.close()
        return changed

    def _text(self, connection: Connection) -> tuple[str, Sequence[str]]:
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
            known = self._compiled[dialect.name] = (str(compiled), compiled.positiontup or ())
        return known
