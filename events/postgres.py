"""PostgreSQL: many nodes, one log.

A write takes a transaction-level advisory lock before it reads, as a statement of its own: under
READ COMMITTED the next statement then sees everything that the last holder of the lock committed.
(In one statement with the lock it would see what was there before it waited.)

Nothing here needs more of a connection than one transaction, so it works through a pooler such as
PgBouncer: settings are local to the transaction, and behind a pooler statements have no names.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Literal

import asyncpg
from sqlalchemy import URL, Connection
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema

from events.database import Durability, T, Work
from events.errors import LogUnavailable
from events.postgres_server import NAME, TROUBLE, location, look_at, shown, told

Schema = Literal["log", "read", "keys"]

CONNECTIONS = 6
"""For one schema: one that writes, the others read."""
CONNECT_SECONDS = 5.0
LOCK_SECONDS = 2
STATEMENT_SECONDS = 5
IDLE_SECONDS = 5
"""A node that freezes in the middle of a write loses the lock after this time."""
LONG_SECONDS = 60
"""For work that was announced as long, and for reading."""
SCRUB_SECONDS = 600
GRACE_SECONDS = 5
"""What we wait longer than the server should, before we take the connection for dead."""


@asynccontextmanager
async def open_postgres(
    url: str, schema: Schema, *, durability: Durability
) -> AsyncIterator["PostgresDatabase"]:
    """Open one schema of this database; raises ``LogUnavailable`` if it cannot be used."""
    server = await look_at(url)
    if problem := server.problem():
        raise LogUnavailable(f"{shown(url)} cannot be used: {problem}")
    database = PostgresDatabase(url, schema, durability=durability, pooled=server.pooled)
    try:
        if schema in server.missing:
            await database.write(partial(_create, schema))
        yield database
    finally:
        await database.close()


def _create(schema: Schema, connection: Connection) -> None:
    connection.execute(CreateSchema(schema, if_not_exists=True))


class PostgresDatabase:
    """One schema of a database, and a pool of a few connections."""

    def __init__(self, url: str, schema: Schema, *, durability: Durability, pooled: bool) -> None:
        self._url = url
        self._schema = schema
        self._engine = _engine(location(url), pooled=pooled)
        self._alone = asyncio.Lock()
        self._refused: str | None = None
        commit = "on" if durability == "full" else "off"
        lock = f"SELECT pg_advisory_xact_lock({lock_key(schema)})"
        self._short = _begin(schema, STATEMENT_SECONDS, commit) + lock
        self._long = _begin(schema, LONG_SECONDS, commit) + lock
        self._reading = _begin(schema, LONG_SECONDS, commit).replace(
            "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 1
        )

    @property
    def trouble(self) -> str | None:
        """What an operator should know of this database, in a sentence."""
        return self._refused

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        """Run ``work`` alone in the whole schema, whatever the node; see ``Database``."""
        # A caller that goes away must not leave a transaction half done.
        return await asyncio.shield(self._write(work, long=long))

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a read transaction; see ``Database``."""
        return await self._run(work, self._reading, LONG_SECONDS, "could not be read")

    async def scrub(self, *, rewrite: bool) -> bool:
        """Write every table of the schema anew; whoever wants to read one of them waits."""
        # An update leaves the old row where it was, so there is always something to be rewritten.
        try:
            connection = await self._engine.connect()
            try:
                driver = _driver(connection)
                for table in await driver.fetch(_TABLES, self._schema):
                    await driver.execute(f"VACUUM (FULL) {table['name']}", timeout=SCRUB_SECONDS)
            finally:
                await connection.close()
        except (*TROUBLE, NoConnectionFree) as error:
            raise LogUnavailable(
                f"{shown(self._url)} could not be scrubbed: {told(error)}"
            ) from error
        return True

    async def close(self) -> None:
        """Close all connections."""
        async with self._alone:
            with suppress(*TROUBLE):
                await self._engine.dispose()

    async def _write(self, work: Work[T], *, long: bool) -> T:
        begin, seconds = (
            (self._long, LONG_SECONDS) if long else (self._short, LOCK_SECONDS + STATEMENT_SECONDS)
        )
        async with self._alone:  # who waits here needs no connection
            return await self._run(work, begin, seconds, "could not be written")

    async def _run(self, work: Work[T], begin: str, seconds: float, what: str) -> T:
        commit = _Commit()
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                result = await self._transaction(work, begin, commit)
        except Exception as error:
            # The driver's own error lies below SQLAlchemy's.
            cause = _root(error)
            if isinstance(cause, _OUR_FAULT) or not isinstance(cause, (*TROUBLE, NoConnectionFree)):
                raise
            self._refused = f"{shown(self._url)} {what}: {told(cause)}"
            raise LogUnavailable(self._refused, outcome_unknown=commit.asked) from error
        self._refused = None
        return result

    async def _transaction(self, work: Work[T], begin: str, commit: "_Commit") -> T:
        connection, driver = await self._begun(begin)
        try:
            result = await connection.run_sync(work)
            # If this fails nobody knows the outcome; a repeated append finds out by its event ids.
            commit.asked = True
            done = await driver.execute("COMMIT")
        except BaseException as error:
            await _give_up(connection, driver, error)
            raise
        await connection.close()
        if done != "COMMIT":
            commit.asked = False
            raise asyncpg.InterfaceError("a statement had failed, and nothing was written")
        return result

    async def _begun(self, begin: str) -> tuple[AsyncConnection, Any]:
        """A connection in a transaction; those that died in the pool are replaced."""
        for _ in range(CONNECTIONS + 1):
            connection = await self._engine.connect()
            driver = _driver(connection)
            try:
                await driver.execute(begin)  # without parameters: one message, one journey
            except BaseException as error:
                died = driver.is_closed() and isinstance(error, TROUBLE)
                await _give_up(connection, driver, error)
                if not died:
                    raise
            else:
                return connection, driver
        raise asyncpg.InterfaceError("the server closes every connection")


class _Commit:
    """Whether the server was asked to commit."""

    asked = False


def lock_key(name: str) -> int:
    """The key of an advisory lock; it is one of this database, and apart from other programs'."""
    digest = hashlib.sha256(f"waybill {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


_TABLES = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = $1
"""
_OUR_FAULT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.PostgresSyntaxError,
    asyncpg.UndefinedTableError,
)


def _begin(schema: str, seconds: int, synchronous_commit: str) -> str:
    settings = {
        "search_path": schema,
        "plan_cache_mode": "force_generic_plan",  # planning costs more than these statements do
        "synchronous_commit": synchronous_commit,
        "lock_timeout": f"{LOCK_SECONDS}s",
        "statement_timeout": f"{seconds}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    }
    return "BEGIN;" + "".join(f"SET LOCAL {name}='{value}';" for name, value in settings.items())


def _engine(url: URL, *, pooled: bool) -> AsyncEngine:
    # Behind a pooler the next transaction may run elsewhere, where no statement has our names.
    unnamed = {"statement_cache_size": 0}
    return create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",  # transactions are begun and ended here, not by SQLAlchemy
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": LONG_SECONDS + GRACE_SECONDS,
            "server_settings": {"application_name": NAME},
            **(unnamed if pooled else {}),
        },
    )


def _driver(connection: AsyncConnection) -> Any:
    if connection.sync_connection is None:
        raise AssertionError("the connection is open")
    return connection.sync_connection.connection.driver_connection


async def _give_up(connection: AsyncConnection, driver: Any, error: BaseException) -> None:
    """Roll back, and return to the pool only what can be used again."""
    if not isinstance(error, Exception):
        driver.terminate()  # we were cancelled: there is no time to ask
    with suppress(*TROUBLE):
        if not driver.is_closed():
            await driver.execute("ROLLBACK", timeout=GRACE_SECONDS)
    if driver.is_closed() or driver.is_in_transaction():
        driver.terminate()
        if not connection.invalidated:
            await connection.invalidate(error)
    await connection.close()


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
