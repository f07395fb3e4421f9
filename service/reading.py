"""Opens the log that the settings name, for verbs that need no service: to read or to fill it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from events.errors import WaybillError
from events.reading import adopt
from events.sql import SqlEventStore, open_event_store, read_only
from events.sqlite import open_sqlite
from migrations import upgrade
from service.claim import claimed
from service.clock import system_clock
from service.settings import Settings


class NoLog(WaybillError):
    """There is no log where the settings say."""


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[SqlEventStore]:
    """The log, to be read; raises ``NoLog`` and ``LogUnavailable``."""
    path = settings.data / "log.db"
    if not path.exists():
        raise NoLog(f"there is no log at {path}; name the folder with --data or WAYBILL_DATA")
    async with open_sqlite(path, durability="full") as database:
        yield await read_only(database)


@asynccontextmanager
async def open_for_import(settings: Settings, *, epoch: str) -> AsyncIterator[SqlEventStore]:
    """The log, made if there is none, to be restored into; no service may use it meanwhile.

    A log that holds nothing yet takes this ``epoch``. Raises ``SettingsError`` and
    ``LogUnavailable``.
    """
    path = settings.data / "log.db"
    with claimed(settings.data):
        await asyncio.to_thread(upgrade, "log", path)
        async with open_sqlite(path, durability=settings.durability) as database:
            await database.write(partial(adopt, epoch))
            async with open_event_store(
                database, clock=system_clock, new_epoch=lambda: epoch
            ) as store:
                yield store
