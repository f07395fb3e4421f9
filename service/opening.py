"""What keeps a SQLite file from being opened, in one line for whoever starts us."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from migrations import DatabaseIsNewer
from service.settings import SettingsError

OTHERWISE = "or name another folder with --data"
HELD = f"is held by another program, which does not let go of it; stop that one, {OTHERWISE}"
DAMAGED = f"is not a database, or a damaged one; bring a backup of it back, {OTHERWISE}"
CLOSED = f"cannot be opened or written; give it to the user who runs this, {OTHERWISE}"
FULL = f"cannot be written, its disk is full; make room there, {OTHERWISE}"

TROUBLES = {
    sqlite3.SQLITE_BUSY: HELD,
    sqlite3.SQLITE_LOCKED: HELD,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: CLOSED,
    sqlite3.SQLITE_PERM: CLOSED,
    sqlite3.SQLITE_READONLY: CLOSED,
    sqlite3.SQLITE_FULL: FULL,
}
"""Anything else that SQLite says is our own mistake."""

PRIMARY = 0xFF
"""SQLite's extended codes tell more in the bits above."""


@contextmanager
def opening(file: Path) -> Iterator[None]:
    """Whatever keeps this file from being opened or upgraded here is a ``SettingsError``."""
    try:
        yield
    except DatabaseIsNewer as error:
        raise SettingsError([str(error)]) from error
    except (DBAPIError, sqlite3.Error) as error:
        trouble = _trouble(error.orig if isinstance(error, DBAPIError) else error)
        if trouble is None:
            raise
        raise SettingsError([f"{file} {trouble}"]) from error


def _trouble(error: BaseException | None) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    return TROUBLES.get(code & PRIMARY) if isinstance(code, int) else None
