"""A SQLite file: one connection that writes, a few that read.

The writing connection begins with ``BEGIN IMMEDIATE``. Its statements take microseconds and run
where they are asked for; only what waits for the disk goes to a thread: a durable commit, and a
checkpoint. Reading goes through ``aiosqlite`` and never waits for the writer (WAL).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from events.database import Durability, T, Work
from events.errors import LogUnavailable

P = ParamSpec("P")

READERS = 4
CHECKPOINT_EVERY = 256
"""Commits between two checkpoints. Only the writing connection ever checkpoints: SQLite before
3.51.3 can corrupt the file when a second connection does so while the first commits."""


@asynccontextmanager
async def open_sqlite(path: Path, *, durability: Durability) -> AsyncIterator["SqliteDatabase"]:
    """Open the file; the writer's connection is closed last and checkpoints."""
    database = SqliteDatabase(path, durability=durability)
    try:
        yield database
    finally:
        await database.close()


class SqliteDatabase:
    """One file, one writing connection, a few readers."""

    def __init__(self, path: Path, *, durability: Durability) -> None:
        self.path = path
        self._durable = durability == "full"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"write-{path.stem}")
        self._alone = asyncio.Lock()
        self._writer = _writer(path, durability)
        self._readers = _readers(path)
        self._connection: Connection | None = None
        self._commits = 0

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        """Run ``work`` on the writing connection; see ``Database``."""
        try:
            # A caller that goes away must not leave a transaction half done.
            return await asyncio.shield(self._written(work, long=long))
        except (OperationalError, InterfaceError) as error:
            raise LogUnavailable(f"{self.path.name} could not be written: {error}") from error

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a read transaction; see ``Database``."""
        try:
            async with self._readers.begin() as connection:
                return await connection.run_sync(work)
        except (OperationalError, InterfaceError) as error:
            raise LogUnavailable(f"{self.path.name} could not be read: {error}") from error

    async def close(self) -> None:
        """Close the readers, then the writer, which checkpoints."""
        await self._readers.dispose()
        async with self._alone:
            await self._aside(self._close_writer)
        self._thread.shutdown()

    async def _written(self, work: Work[T], *, long: bool) -> T:
        async with self._alone:
            if self._connection is None:
                self._connection = self._writer.connect()
            transaction = self._connection.begin()
            try:
                result = (
                    await self._aside(work, self._connection) if long else work(self._connection)
                )
                if self._durable or long:
                    await self._aside(transaction.commit)
                else:
                    transaction.commit()
            except BaseException:
                transaction.rollback()
                raise
            self._commits += 1
            if self._commits % CHECKPOINT_EVERY == 0:
                await self._aside(self._pragma, "wal_checkpoint(PASSIVE)")
            return result

    async def _aside(self, call: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(call, *arguments, **keywords))

    def _pragma(self, text: str) -> None:
        if self._connection is not None:
            driver: Any = self._connection.connection.driver_connection
            driver.execute(f"PRAGMA {text}").fetchall()

    def _close_writer(self) -> None:
        if self._connection is not None:
            self._pragma("wal_checkpoint(TRUNCATE)")
            self._connection.close()
        self._writer.dispose()


def _writer(path: Path, durability: Durability) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )
    synchronous = "FULL" if durability == "full" else "NORMAL"
    _prepare(
        engine,
        begin="BEGIN IMMEDIATE",
        pragmas=(
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "busy_timeout=5000",
            "foreign_keys=ON",
            "wal_autocheckpoint=0",
            "journal_size_limit=67108864",
        ),
    )
    return engine


def _readers(path: Path) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), pool_size=READERS, max_overflow=0
    )
    _prepare(
        engine.sync_engine,
        begin="BEGIN",
        pragmas=("busy_timeout=5000", "query_only=ON", "wal_autocheckpoint=0"),
    )
    return engine


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
