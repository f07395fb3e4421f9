"""A process that appends as fast as it can and says what was acknowledged: `DATABASE LIFE`."""

import asyncio
import os
import sys
from pathlib import Path

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


async def main() -> None:
    path, life = Path(sys.argv[1]), sys.argv[2]
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=system_clock, new_epoch=lambda: "epoch") as store,
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(WRITERS):
            tasks.create_task(write(store, f"life{life}-{number}"))


if __name__ == "__main__":
    asyncio.run(main())
