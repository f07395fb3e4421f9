"""Opens the log that the settings name, for verbs that need no service: to read or to fill it."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from events.reading import adopt
from events.sql import SqlEventStore, open_event_store, read_only
from service.claim import claimed
from service.clock import system_clock
from service.databases import open_log_as_it_is, open_log_database
from service.settings import Settings
from service.vault import open_sealing


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[SqlEventStore]:
    """The log, to be read; raises ``NoLog`` and ``LogUnavailable``."""
    async with open_log_as_it_is(settings) as database, open_sealing(settings) as sealing:
        yield await read_only(database, privacy=sealing)


@asynccontextmanager
async def open_for_import(settings: Settings, *, epoch: str) -> AsyncIterator[SqlEventStore]:
    """The log, made if there is none, to be restored into; no service may use it meanwhile.

    A log that holds nothing yet takes this ``epoch``. Raises ``SettingsError`` and
    ``LogUnavailable``.
    """
    with ExitStack() as ours:
        if settings.database_url is None:  # on PostgreSQL the log itself refuses a second writer
            ours.enter_context(claimed(settings.data))
        async with open_log_database(settings) as database:
            await database.write(partial(adopt, epoch))
            async with open_event_store(
                database, clock=system_clock, new_epoch=lambda: epoch
            ) as store:
                yield store
