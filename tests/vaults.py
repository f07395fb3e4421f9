"""Databases of keys, of every kind there is."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from events.database import OwnDatabase
from events.postgres import open_postgres
from events.sqlite import open_sqlite
from migrations import upgrade
from tests.postgres import database_of

Vault = Callable[[Path], AbstractAsyncContextManager[OwnDatabase]]


@asynccontextmanager
async def sqlite_vault(folder: Path) -> AsyncIterator[OwnDatabase]:
    """The keys that belong to this folder."""
    upgrade("keys", folder / "keys.db")
    async with open_sqlite(folder / "keys.db", durability="full") as database:
        yield database


@asynccontextmanager
async def postgres_vault(folder: Path) -> AsyncIterator[OwnDatabase]:
    """The keys in the database that belongs to this folder."""
    async with open_postgres(database_of(folder), "keys", durability="full") as database:
        yield database


VAULTS: Mapping[str, Vault] = {"sqlite": sqlite_vault, "postgresql": postgres_vault}
