"""How Alembic reaches a schema: a file of its own on SQLite, a schema of its own on PostgreSQL."""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import URL, Connection, Engine, create_engine, event, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

Schema = Literal["log", "keys"]

LOCK_SECONDS = 300
"""How long a node waits that finds another one upgrading."""


def migrate(schema: Schema) -> None:
    """Bring the schema to the version that Alembic was asked for."""
    url: URL = context.config.attributes["url"]
    if url.get_backend_name() == "sqlite":
        _migrate_sqlite(url)
    else:
        asyncio.run(_migrate_postgresql(url, schema))


def _migrate(connection: Connection) -> None:
    """Run what is missing; the caller ends the transaction."""
    context.configure(connection=connection, transactional_ddl=True)
    context.config.attributes["refuse_newer"](context.get_context().get_current_revision())
    with context.begin_transaction():
        context.run_migrations()


def _migrate_sqlite(url: URL) -> None:
    """The file is ours alone."""
    engine = create_engine(url, poolclass=pool.NullPool)
    all_or_nothing(engine)
    try:
        with engine.begin() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


def all_or_nothing(engine: Engine) -> None:
    """SQLite can take back what was done to tables; the driver would commit it at once."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _migrate_postgresql(url: URL, schema: Schema) -> None:
    """All in one transaction under a lock: two nodes may start at once."""
    # Without names for statements, which a pooler would not keep apart.
    engine = create_async_engine(
        url, poolclass=pool.NullPool, connect_args={"statement_cache_size": 0}
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('waybill migrations', 0))")
            )
            # Whoever may not make schemas may still use one that was made for him.
            there = await connection.scalar(text(f"SELECT to_regnamespace('{schema}')"))
            if there is None:
                await connection.execute(text(f"CREATE SCHEMA {schema}"))
            await connection.execute(text(f"SET LOCAL search_path = {schema}"))
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()
