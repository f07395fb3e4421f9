"""Opens the keys of the log's personal fields: a file beside the log's, or a schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from events.database import OwnDatabase
from events.keys import Keys, NoKeys
from events.postgres import open_postgres
from events.postgres_server import look_at
from events.sealing import Sealing
from events.sqlite import open_sqlite
from migrations import upgrade
from service.clock import secret_bytes, system_clock
from service.opening import opening
from service.settings import Settings

KEYS = "keys.db"


class Vault(msgspec.Struct, frozen=True):
    """The keys, their database, and the sealing with them."""

    database: OwnDatabase
    keys: Keys
    sealing: Sealing


@asynccontextmanager
async def open_vault(settings: Settings) -> AsyncIterator[Vault]:
    """The keys, brought to this version's schema first; raises ``SettingsError``."""
    with opening(settings.data / KEYS):
        await asyncio.to_thread(upgrade, "keys", settings.database_url or settings.data / KEYS)
    async with _opened(settings) as vault:
        yield vault


@asynccontextmanager
async def open_vault_as_it_is(settings: Settings) -> AsyncIterator[Vault | None]:
    """The keys if there are any; nothing is made or upgraded."""
    if await _is_there(settings):
        async with _opened(settings) as vault:
            yield vault
    else:
        yield None


@asynccontextmanager
async def open_sealing(settings: Settings) -> AsyncIterator[Sealing]:
    """For whoever reads a log and changes nothing: where there are no keys, it reads ``erased``."""
    async with open_vault_as_it_is(settings) as vault:
        yield vault.sealing if vault else Sealing(NoKeys(), chance=secret_bytes)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Vault]:
    # A key must outlive a power cut whatever is asked of the log: without it much more is lost.
    if settings.database_url:
        async with open_postgres(settings.database_url, "keys", durability="full") as database:
            yield _vault(database)
    else:
        async with open_sqlite(settings.data / KEYS, durability="full") as file:
            yield _vault(file)


def _vault(database: OwnDatabase) -> Vault:
    keys = Keys(database, clock=system_clock, chance=secret_bytes)
    return Vault(database, keys, Sealing(keys, chance=secret_bytes))


async def _is_there(settings: Settings) -> bool:
    if settings.database_url:
        return "keys" not in (await look_at(settings.database_url)).missing
    return (settings.data / KEYS).exists()
