"""How a SQLite file is opened: the one connection that writes, and those that read."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from events.database import Durability
from events.wal import CHECKPOINT_BYTES

READERS = 4
OPEN_TIMEOUT_MS = 5000
"""How long opening, and a read, waits for a lock that somebody else holds."""


def writing_engine(path: Path, durability: Durability) -> Engine:
    """One connection; whoever takes it waits for nobody and is told at once that it is locked."""
    engine = create_engine(
        _url("sqlite", path, mode="rwc"),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )
    _prepare(
        engine,
        begin="BEGIN IMMEDIATE",
        pragmas=(
            f"busy_timeout={OPEN_TIMEOUT_MS}",
            "journal_mode=WAL",
            f"synchronous={'FULL' if durability == 'full' else 'NORMAL'}",
            "foreign_keys=ON",
            "secure_delete=ON",
            "wal_autocheckpoint=0",
            f"journal_size_limit={CHECKPOINT_BYTES}",
            # From here on the event loop runs it, which must not sleep inside SQLite.
            "busy_timeout=0",
        ),
    )
    return engine


def reading_engine(path: Path) -> AsyncEngine:
    """A few connections that cannot write, do not checkpoint, and never make the file."""
    engine = create_async_engine(
        _url("sqlite+aiosqlite", path, mode="rw"), pool_size=READERS, max_overflow=0
    )
    _prepare(
        engine.sync_engine,
        begin="BEGIN",
        pragmas=(f"busy_timeout={OPEN_TIMEOUT_MS}", "query_only=ON", "wal_autocheckpoint=0"),
    )
    return engine


def is_trouble(error: BaseException) -> bool:
    """Whether this is the database's trouble (full, locked, gone, damaged) and not our mistake."""
    error = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError) or (
        # "database disk image is malformed", "file is not a database"
        type(error) is sqlite3.DatabaseError
    )


def is_busy(error: BaseException) -> bool:
    """Whether somebody else holds the lock."""
    error = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _url(driver: str, path: Path, *, mode: str) -> URL:
    address = path.absolute().as_uri()
    return URL.create(driver, database=address, query={"mode": mode, "uri": "true"})


def _prepare(engine: Engine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        # The driver's own BEGIN is deferred, and a deferred one fails at its first write with
        # SQLITE_BUSY_SNAPSHOT, whatever the timeout. So it keeps out, and we begin.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # Past SQLAlchemy's own execution, which costs ten times what this statement does.
        cursor = connection.connection.cursor()
        cursor.execute(begin)
        cursor.close()
