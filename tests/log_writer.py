"""A process that appends as fast as it can and says what was acknowledged: `DATABASE LIFE`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from events.database import Database
from events.postgres import open_postgres
from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import EventStore
from service.clock import system_clock
from tests.stores import append

WRITERS = 32


async def write(store: EventStore, stream: str) -> None:
    version = 0
    while True:
        appended = await store.append(append(stream, version, "x", "y"))
        version = appended.version
        os.write(1, f"{stream} {version}\n".encode())


@asynccontextmanager
async def opened(where: str) -> AsyncIterator[EventStore]:
    """The log in this file, or in the database of this URL."""
    shared = "://" in where
    opening: AbstractAsyncContextManager[Database] = (
        open_postgres(where, "log", durability="full")
        if shared
        else open_sqlite(Path(where), durability="full")
    )
    async with (
        opening as database,
        open_event_store(
            database, clock=system_clock, new_epoch=lambda: "epoch", shared=shared
        ) as store,
    ):
        yield store


async def main() -> None:
    where, life = sys.argv[1], sys.argv[2]
    async with opened(where) as store, asyncio.TaskGroup() as tasks:
        for number in range(WRITERS):
            tasks.create_task(write(store, f"life{life}-{number}"))


if __name__ == "__main__":
    asyncio.run(main())
