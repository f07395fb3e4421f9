"""A process that reads a log and folds it: ``python -m benchmarks.read_log read|rebuild LOG NAME``.

``read`` goes through the event store with a trivial fold, as everybody who follows the log does;
``rebuild`` makes the table of the projection NAME, as ``waybill rebuild`` does.
"""

import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop

from benchmarks.read_floor import Read, peak_megabytes
from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import EventStore
from projections import PROJECTIONS
from projections.building import LONG_PAGE, Builder
from projections.tables import create_tables
from service.clock import system_clock


async def main() -> None:
    """Do what the arguments say, and print what it took."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    what, path = sys.argv[1], Path(sys.argv[2])
    async with (
        open_sqlite(path, durability="relaxed") as database,
        open_event_store(database, clock=system_clock, new_epoch=lambda: "benchmrk") as store,
    ):
        if what == "read":
            found = await _read(store)
        else:
            [projection] = [one for one in PROJECTIONS if one.name == sys.argv[3]]
            found = await _rebuild(projection, store, path.with_name("read.db"))
    sys.stdout.buffer.write(msgspec.json.encode(found))


async def _read(store: EventStore) -> Read:
    counts: dict[str, int] = {}
    after = 0
    began, used = time.perf_counter(), time.process_time()
    while page := await store.read_all(after=after, limit=LONG_PAGE):
        for event in page:
            counts[event.type] = counts.get(event.type, 0) + 1
        after = page[-1].position
    seconds = time.perf_counter() - began
    used = time.process_time() - used
    return Read(sum(counts.values()), seconds, used, peak_megabytes(), after)


async def _rebuild(projection: Any, store: Any, path: Path) -> Read:
    async with open_sqlite(path, durability="relaxed") as database:
        await database.write(create_tables)
        builder = Builder(
            projection, store=store, database=database, wakeup=store.wakeup, clock=system_clock
        )
        await builder.request()
        began, used = time.perf_counter(), time.process_time()
        await builder.build_one()
        seconds, used = time.perf_counter() - began, time.process_time() - used
    head = await store.head()
    assert builder.position == head and builder.failed is None
    return Read(head, seconds, used, peak_megabytes(), head)


if __name__ == "__main__":
    uvloop.run(main())
