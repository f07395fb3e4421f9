"""The log folded anew up to a position, into tables of its own: what was true then.

The tables lie in a temporary file, so that the memory needed does not grow with the log. They hold
what the log holds, names too: what a killed replay left behind is removed by the next one.
"""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from sqlalchemy import Connection

from events.database import Database
from events.sqlite import open_sqlite
from events.store import EventStore
from events.wakeup import Wakeup
from projections import PROJECTIONS, builds
from projections.applying import Applier
from projections.lookups import Lookups
from projections.tables import Build, create_tables

PAGE = 2000

LEFTOVER = "waybill-replay-"

OnEvents = Callable[[int], object]
"""Hears how many events are done since it was last called."""


@asynccontextmanager
async def replayed(store: EventStore, *, upto: int, on_events: OnEvents) -> AsyncIterator[Lookups]:
    """Answers from tables that were folded from the log up to this position, and no further.

    Raises ``Stopped`` when an event cannot be folded.
    """
    _remove_leftovers()
    with TemporaryDirectory(prefix=f"{LEFTOVER}{os.getpid()}-") as folder:
        async with open_sqlite(Path(folder) / "read.db", durability="relaxed") as database:
            appliers = await _begun(database)
            after = await store.floor()
            while after < upto:
                page = await store.read_all(after=after, limit=min(PAGE, upto - after))
                for applier in appliers:
                    await applier.apply(page)
                on_events(len(page))
                after = page[-1].position
            yield Lookups(database, Wakeup())


async def _begun(database: Database) -> list[Applier[Any]]:
    """Empty tables, to be read at once."""

    def work(connection: Connection) -> list[Build]:
        create_tables(connection)
        begun = [builds.begin(connection, projection) for projection in PROJECTIONS]
        for build in begun:
            builds.switch(connection, build, position=0, now=0)
        return begun

    begun = await database.write(work)
    appliers: list[Applier[Any]] = [
        Applier(projection, build, database=database, aside=True)
        for projection, build in zip(PROJECTIONS, begun, strict=True)
    ]
    for applier in appliers:
        await applier.open()
    return appliers


def _remove_leftovers() -> None:
    """Folders of replays that no longer run."""
    for folder in Path(gettempdir()).glob(f"{LEFTOVER}*"):
        process = folder.name.removeprefix(LEFTOVER).partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is somebody else's
    return True
