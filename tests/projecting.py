"""Projections at work over a log, in a database of their own: what tests of tables share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from events.database import Database, OwnDatabase
from events.memory import MemoryEventStore
from events.postgres import open_postgres
from events.sqlite import open_sqlite
from projections import PROJECTIONS
from projections.documents import NAME as DOCUMENTS
from projections.lookups import Lookups
from projections.past import Past
from projections.projection import Projection
from projections.queues import NAME as MINUTES
from projections.runner import Runner
from projections.tables import create_tables
from tests.fakes import FakeClock
from tests.postgres import database_of
from tests.stores import Log

PATIENCE_SECONDS = 30.0

Open = Callable[[Path], AbstractAsyncContextManager[OwnDatabase]]


def _sqlite(folder: Path) -> AbstractAsyncContextManager[OwnDatabase]:
    folder.mkdir(exist_ok=True)
    return open_sqlite(folder / "read.db", durability="relaxed")


def _postgres(folder: Path) -> AbstractAsyncContextManager[OwnDatabase]:
    return open_postgres(database_of(folder), "read", durability="relaxed")


OPEN: Mapping[str, Open] = {"sqlite": _sqlite, "postgresql": _postgres}
"""The databases that hold tables; a folder names one."""


def runner_of(projection: Projection[Any], store: Log, database: Database) -> Any:
    """A runner whose builds take over as soon as they are complete."""
    return Runner(
        projection,
        store=store,
        database=database,
        log=store.wakeup,
        clock=FakeClock(),
        settle_seconds=0,
    )


class Projected:
    """The tables of a log, and what asks them."""

    def __init__(self, database: OwnDatabase, store: MemoryEventStore) -> None:
        self.database = database
        self.store = store
        self.runners: dict[str, Runner[Any]] = {
            one.name: runner_of(one, store, database) for one in PROJECTIONS
        }
        self.lookups = Lookups(
            database,
            self.runners[DOCUMENTS].applied,
            minutes=self.runners[MINUTES].applied,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.past = Past(database, store, self.lookups)

    async def caught_up(self) -> int:
        """Wait until all tables tell of the whole log; its head."""
        head = await self.store.head()
        assert await self.lookups.reach_all(head)
        return head


@asynccontextmanager
async def projected(
    folder: Path, store: MemoryEventStore, *, kind: str = "sqlite"
) -> AsyncIterator[Projected]:
    """Every projection at work over this log."""
    async with OPEN[kind](folder) as database:
        await database.write(create_tables)
        world = Projected(database, store)
        async with running(list(world.runners.values())):
            yield world


@asynccontextmanager
async def running(runners: Sequence[Runner[Any]]) -> AsyncIterator[None]:
    """These runners at work; one that fails fails the test."""
    for runner in runners:
        # As the service does: a builder that finds nothing begun looks again much later.
        await runner.prepare()
    async with asyncio.TaskGroup() as tasks:
        at_work = [
            tasks.create_task(work())
            for runner in runners
            for work in (runner.run, runner.builder.run)
        ]
        try:
            yield
        finally:
            for task in at_work:
                task.cancel()
