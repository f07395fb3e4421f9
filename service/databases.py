"""Opens what the settings name: files in the data folder, or schemas of one PostgreSQL database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from events.database import Database
from events.errors import LogUnavailable, WaybillError
from events.postgres import PostgresDatabase, open_postgres
from events.postgres_server import look_at, shown
from events.sealing import Sealing
from events.sql import SqlEventStore, open_event_store
from events.sqlite import SqliteDatabase, open_sqlite
from migrations import upgrade
from service.clock import new_id, system_clock
from service.opening import opening
from service.settings import Settings, SettingsError

OpenDatabase = SqliteDatabase | PostgresDatabase

LOG = "log.db"
TABLES = "read.db"


class NoLog(WaybillError):
    """There is no log where the settings say."""


@asynccontextmanager
async def open_log_database(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """The facts, brought to this version's schema first; raises ``SettingsError``."""
    await _upgraded(settings)
    async with open_log_as_it_is(settings) as database:
        yield database


@asynccontextmanager
async def open_log_as_it_is(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """The facts, of which there must be some already; raises ``NoLog`` and ``LogUnavailable``."""
    if not await _is_there(settings):
        raise NoLog(
            f"there is no log at {where_log_is(settings)}; name its folder with --data or "
            "WAYBILL_DATA, or its database with WAYBILL_DATABASE_URL"
        )
    if settings.database_url:
        async with open_postgres(
            settings.database_url, "log", durability=settings.durability
        ) as database:
            yield database
    else:
        async with open_sqlite(settings.data / LOG, durability=settings.durability) as database:
            yield database


@asynccontextmanager
async def open_log(
    settings: Settings, database: Database, sealing: Sealing
) -> AsyncIterator[SqlEventStore]:
    """The log in this database, ready to be written; raises ``LogUnavailable``."""
    async with open_event_store(
        database,
        clock=system_clock,
        new_epoch=_new_epoch,
        privacy=sealing,
        shared=settings.database_url is not None,
    ) as store:
        sealing.when_erased(store.forget_recent)
        yield store


@asynccontextmanager
async def open_read_database(settings: Settings) -> AsyncIterator[OpenDatabase]:
    """The tables folded from the facts, which need no durable commits."""
    if settings.database_url:
        async with open_postgres(settings.database_url, "read", durability="relaxed") as database:
            yield database
    else:
        async with open_sqlite(settings.data / TABLES, durability="relaxed") as database:
            yield database


def _new_epoch() -> str:
    return new_id()[-8:]


def where_log_is(settings: Settings) -> str:
    """In words that hold no secret."""
    return shown(settings.database_url) if settings.database_url else str(settings.data / LOG)


async def _is_there(settings: Settings) -> bool:
    if settings.database_url:
        return "log" not in (await look_at(settings.database_url)).missing
    return (settings.data / LOG).exists()


async def _upgraded(settings: Settings) -> None:
    if settings.database_url:
        await _usable(settings.database_url)
    with opening(settings.data / LOG):
        await asyncio.to_thread(upgrade, "log", settings.database_url or settings.data / LOG)


async def _usable(url: str) -> None:
    try:
        server = await look_at(url)
    except LogUnavailable as error:
        raise SettingsError([f"WAYBILL_DATABASE_URL: {error}"]) from error
    if problem := server.problem():
        raise SettingsError([f"WAYBILL_DATABASE_URL: {shown(url)} cannot be used: {problem}"])
