"""A SQLite file: one connection that writes, a few that read.

The writing connection begins with ``BEGIN IMMEDIATE``. Its statements take microseconds and run
where they are asked for; what waits for the disk goes to a thread: a checkpoint, and a durable
commit, unless the disk has been quick of late (``pace``). Reading goes through ``aiosqlite`` and
never waits for the writer (WAL).

When the disk is full, the file is locked or gone, or the disk fails, every write is refused with
``LogUnavailable``, and the first one after the trouble goes through again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec

from sqlalchemy import Connection, Engine, RootTransaction

from events.database import Durability, T, Work
from events.errors import LogUnavailable
from events.pace import Pace
from events.sqlite_engines import is_busy, is_trouble, reading_engine, writing_engine
from events.threads import in_thread
from events.wal import Mode, WriteAheadLog

P = ParamSpec("P")

LOCK_SECONDS = 5.0
"""How long a write waits for a lock that another program holds."""
LOCK_PAUSE = 0.01
READERS_MS = 50
"""How long a checkpoint waits for the readers of a large WAL before it looks again who they are."""
LOOKS = 20

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_sqlite(
    path: Path, *, durability: Durability, pace: Pace | None = None
) -> AsyncIterator["SqliteDatabase"]:
    """Open the file; the writer's connection is closed last and checkpoints."""
    database = SqliteDatabase(path, durability=durability, pace=pace or Pace())
    try:
        yield database
    finally:
        await database.close()


class SqliteDatabase:
    """One file, one writing connection, a few readers."""

    def __init__(self, path: Path, *, durability: Durability, pace: Pace) -> None:
        self.path = path
        self._durable = durability == "full"
        self._pace = pace
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"write-{path.stem}")
        self._alone = asyncio.Lock()
        self._writer = writing_engine(path, durability)
        self._readers = reading_engine(path)
        self._connection: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._wal = WriteAheadLog(path, self._checkpoint)
        self._refused: str | None = None

    @property
    def trouble(self) -> str | None:
        """What an operator should know of this file, in a sentence."""
        return self._refused or self._wal.trouble

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        """Run ``work`` on the writing connection; see ``Database``."""
        async with self._alone:
            try:
                result = await self._transaction(work, long=long)
            except Exception as error:
                if not is_trouble(error) and not isinstance(error, LogUnavailable):
                    raise
                unavailable = self._unavailable(error)
                if unavailable.outcome_unknown or (is_trouble(error) and not is_busy(error)):
                    await self._disconnect()
                raise unavailable from error
            if self._refused is not None:
                log.warning("%s can be written again", self.path.name)
                self._refused = None
            return result

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a read transaction; see ``Database``."""
        try:
            async with self._readers.begin() as connection:
                return await connection.run_sync(work)
        except Exception as error:
            if not is_trouble(error):
                raise
            await self._readers.dispose()  # the next read opens the file anew
            raise LogUnavailable(f"{self.path.name} could not be read: {error}") from error

    async def scrub(self, *, rewrite: bool) -> bool:
        """Empty the WAL, which still has what was overwritten; see ``Database``."""
        async with self._alone:
            connection = self._connection or await self._connect()
            self._check_that_it_is_there()
            try:
                return await self._aside(_scrub, connection, rewrite)
            except Exception as error:
                if not is_trouble(error):
                    raise
                raise LogUnavailable(f"{self.path.name} could not be scrubbed: {error}") from error

    async def close(self) -> None:
        """Close the readers, then the writer, which checkpoints."""
        await self._readers.dispose()
        await self._wal.close()
        await self._checkpoint("TRUNCATE")
        async with self._alone:
            await self._disconnect()
        self._writer.dispose()
        self._thread.shutdown()

    async def _transaction(self, work: Work[T], *, long: bool) -> T:
        connection = self._connection or await self._connect()
        self._check_that_it_is_there()
        transaction = await self._begin(connection)
        try:
            result = await self._aside(work, connection) if long else work(connection)
            await self._commit(transaction, long=long)
        except BaseException:
            self._roll_back(connection, transaction)
            raise
        if not self._wal.committed():
            await self._save_from_removed_wal()
        return result

    async def _connect(self) -> Connection:
        if self._identity is not None:
            self._check_that_it_is_there()
        self._connection = await self._aside(self._writer.connect)
        self._identity = _identity(self.path)
        return self._connection

    def _check_that_it_is_there(self) -> None:
        """SQLite writes on into a file whose name is gone, and all of that would be lost."""
        if self._identity != _identity(self.path):
            # Not closed: SQLite would remove a WAL of this name, whosever it is now.
            raise LogUnavailable(
                f"{self.path} was removed or replaced while it was in use; put it back, or restart"
            )

    async def _begin(self, connection: Connection) -> RootTransaction:
        """A transaction that may write; waits for the lock without holding up anybody else."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LOCK_SECONDS
        while True:
            try:
                return connection.begin()
            except Exception as error:
                if not is_busy(error) or loop.time() > until:
                    raise
            await asyncio.sleep(LOCK_PAUSE)

    async def _commit(self, transaction: RootTransaction, *, long: bool) -> None:
        try:
            if long or (self._durable and not self._pace.quick):
                await self._aside(self._pace.timed, transaction.commit)
            else:
                self._pace.timed(transaction.commit)
        except Exception as error:
            if not is_trouble(error):
                raise
            # It may be in the WAL all the same, and come back when the file is opened anew.
            raise LogUnavailable(
                f"{self.path.name} could not be written: {getattr(error, 'orig', error)}",
                outcome_unknown=True,
            ) from error

    def _roll_back(self, connection: Connection, transaction: RootTransaction) -> None:
        with suppress(Exception):  # what matters is the error that brought us here
            transaction.rollback()
            # SQLAlchemy takes a transaction whose commit failed for ended; SQLite may not.
            driver = _driver(connection)
            if driver.in_transaction:
                driver.rollback()

    async def _checkpoint(self, mode: Mode) -> bool:
        """See ``events.wal``; a failure costs nothing but space, so it is told and not raised."""
        async with self._alone:
            if self._connection is None:
                return False
            try:
                return await self._aside(_written_back, self._connection, mode)
            except Exception as error:
                if not is_trouble(error):
                    raise
                log.warning("%s could not be checkpointed: %s", self.path.name, error)
                return False

    async def _save_from_removed_wal(self) -> None:
        """Somebody removed the WAL's name; we still hold its bytes, which go into the file now."""
        log.error("%s was removed while it was in use", self._wal.path)
        if self._connection is None or not await self._aside(
            _written_back, self._connection, "TRUNCATE"
        ):
            raise LogUnavailable(
                f"{self._wal.path} was removed while it was in use, and a reader keeps it from "
                "being saved; end what reads the file",
                outcome_unknown=True,
            )
        await self._readers.dispose()
        await self._disconnect()

    def _unavailable(self, error: Exception) -> LogUnavailable:
        text = str(error)
        if not isinstance(error, LogUnavailable):
            text = f"{self.path.name} could not be written: {getattr(error, 'orig', error)}"
        if self._refused is None:
            log.error("%s", text)
        self._refused = text
        return error if isinstance(error, LogUnavailable) else LogUnavailable(text)

    async def _disconnect(self) -> None:
        """Close the writing connection; the next write opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._aside(_closed, connection, self._writer)

    async def _aside(self, call: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        # A caller that goes away must not leave a transaction half done.
        return await in_thread(self._thread, partial(call, *arguments, **keywords))


def _scrub(connection: Connection, rewrite: bool) -> bool:
    if rewrite:
        # Zeros over what is deleted (``secure_delete``) are not enough: when a page is full, its
        # rows move, and copies of them stay behind. ``docs/decisions/0010`` has the figures.
        _driver(connection).execute("VACUUM")
    return _written_back(connection, "TRUNCATE")


def _written_back(connection: Connection, mode: Mode) -> bool:
    """Runs in the thread, where it may wait for readers."""
    driver = _driver(connection)
    driver.execute(f"PRAGMA busy_timeout={READERS_MS}").close()
    try:
        # SQLite waits for those who read when it began, and not if others have taken their place.
        for _ in range(LOOKS if mode == "RESTART" else 1):
            busy, frames, done = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            if not busy and frames == done:
                return True
    finally:
        driver.execute("PRAGMA busy_timeout=0").close()
    return False


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _closed(connection: Connection, engine: Engine) -> None:
    with suppress(Exception):
        connection.close()
    engine.dispose()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
