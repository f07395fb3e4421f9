"""How Alembic reaches the log's database."""

import asyncio

from alembic import context
from sqlalchemy import URL, Connection, create_engine, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

LOCK_SECONDS = 300
"""How long a node waits that finds another one upgrading."""


def migrate(connection: Connection) -> None:
    """Run what is missing; the caller ends the transaction."""
    context.configure(connection=connection, transaction_per_migration=connection.in_transaction())
    context.config.attributes["refuse_newer"](context.get_context().get_current_revision())
    with context.begin_transaction():
        context.run_migrations()


def migrate_sqlite(url: URL) -> None:
    """The file is ours alone."""
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            migrate(connection)
    finally:
        engine.dispose()


async def migrate_postgresql(url: URL) -> None:
    """All in one transaction under a lock: two nodes may start at once."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('waybill migrations', 0))")
            )
            await connection.execute(text("CREATE SCHEMA IF NOT EXISTS log"))
            await connection.execute(text("SET LOCAL search_path = log"))
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


target: URL = context.config.attributes["url"]
if target.get_backend_name() == "sqlite":
    migrate_sqlite(target)
else:
    asyncio.run(migrate_postgresql(target))
