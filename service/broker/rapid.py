"""A statement for many rows, handed to the driver as it is.

SQLAlchemy's own way works out each row's parameters anew, which takes longer than SQLite takes to
write them.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Connection, Insert, Update
from sqlalchemy.dialects import sqlite

__all__ = ["Rapid"]


class Rapid:
    """Compiled once; every parameter has to be in every row, under its name."""

    def __init__(self, statement: Insert | Update) -> None:
        compiled = statement.compile(dialect=sqlite.dialect())
        names = compiled.positiontup
        if not names or len(names) < 2:
            raise ValueError(f"a rapid statement has two parameters at least: {compiled}")
        self._text = str(compiled)
        self._pick = itemgetter(*names)

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Executes it for all of these rows; not for none."""
        connection.exec_driver_sql(self._text, [self._pick(row) for row in rows])
