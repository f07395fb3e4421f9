"""What has to be known of a PostgreSQL server before it is used, in words for tired people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import URL, make_url

from events.errors import LogUnavailable

NAME = "waybill"
"""What administrators see in ``pg_stat_activity``."""
OLDEST = 14
SECONDS = 5.0

TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the driver raises; a ``TimeoutError`` is an ``OSError``."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answered."""

    version: int
    isolation: str
    pooled: bool
    """Whether a pooler stands between: what it calls our server process is not that one."""
    missing: tuple[str, ...]
    """The schemas that are not there yet."""
    may_create: bool

    def problem(self) -> str | None:
        """Why it cannot be used, and what to do; ``None`` if it can."""
        if self.version < OLDEST:
            return f"PostgreSQL {self.version} is too old; {OLDEST} or newer is needed"
        if self.isolation != "read committed":
            return (
                f"default_transaction_isolation is {self.isolation!r}, under which two nodes could "
                "give one position twice; ALTER ROLE ... SET default_transaction_isolation = "
                "'read committed' for Waybill's user"
            )
        if self.missing and not self.may_create:
            return (
                f"there is no schema {' and no schema '.join(self.missing)}, and this user may not "
                "make one; GRANT CREATE ON DATABASE ... to Waybill's user, or make the schemas and "
                "give them to it"
            )
        return None


async def look_at(url: str) -> Server:
    """Connect once and look; raises ``LogUnavailable``."""
    async with _asked(url) as connection:
        row = await connection.fetchrow(_LOOK)
        return Server(
            version=connection.get_server_version().major,
            isolation=row["isolation"],
            pooled=row["pid"] != connection.get_server_pid(),
            missing=tuple(row["missing"]),
            may_create=row["may_create"],
        )


async def survey(url: str) -> tuple[int, int]:
    """How many events the log holds, and its last position; raises ``LogUnavailable``."""
    async with _asked(url) as connection:
        row = await connection.fetchrow(_SURVEY)
        return row["count"], row["head"]


@asynccontextmanager
async def _asked(url: str) -> AsyncIterator[Any]:
    try:
        connection = await connect(url)
        try:
            yield connection
        finally:
            await connection.close(timeout=SECONDS)
    except TROUBLE as error:
        raise LogUnavailable(f"{shown(url)} does not answer as it should: {told(error)}") from error


_SURVEY = "SELECT count(*) AS count, coalesce(max(position), 0) AS head FROM log.events"


_LOOK = """
SELECT pg_backend_pid() AS pid,
       current_setting('default_transaction_isolation') AS isolation,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       ARRAY(SELECT name FROM unnest(ARRAY['log', 'read', 'keys']) AS name
             WHERE to_regnamespace(name) IS NULL) AS missing
"""


async def connect(url: str, *, name: str = NAME) -> Any:
    """A connection of the driver's own, outside of every pool; administrators see its name."""
    where = location(url)
    return await asyncpg.connect(
        **{**where.translate_connect_args(username="user"), **where.query},
        timeout=SECONDS,
        command_timeout=SECONDS,
        statement_cache_size=0,
        server_settings={"application_name": name},
    )


def location(url: str) -> URL:
    """The address in parts, for SQLAlchemy; the driver calls ``sslmode`` ``ssl``."""
    where = make_url(url).set(drivername="postgresql+asyncpg")
    mode = where.query.get("sslmode")
    if mode is None:
        return where
    return where.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def shown(url: str) -> str:
    """The address without what is secret."""
    parts = location(url)
    place = parts.host or parts.query.get("host")
    return f"PostgreSQL at {place}:{parts.port or 5432}, database {parts.database}"


def told(error: BaseException) -> str:
    """The error in words; some have none of their own."""
    return str(error) or type(error).__name__
