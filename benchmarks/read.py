"""How fast the whole log is read with a trivial fold, against ``sqlite3`` and msgspec alone."""

from collections.abc import AsyncIterator

from benchmarks.figure import Figure
from benchmarks.log_rows import write_log
from benchmarks.reading import measured
from benchmarks.session import Session

AIM = "at least 40 % of the floor, below 150 MB"


async def run(session: Session) -> AsyncIterator[Figure]:
    """Log and floor in turn, each in a process of its own."""
    ours, floors = [], []
    with session.fresh_folder() as folder:
        path = folder / "log.db"
        events = write_log(path, session.sizes.log_events)
        for _ in range(session.rounds):
            ours.append(await measured("read_log", "read", path))
            floors.append(await measured("read_floor", path))
    conditions = {
        "events": events,
        "floor_is": "sqlite3 fetch of the same columns, msgspec decode of the data, a count",
        "aim": AIM,
    }
    yield session.figure(
        "read/all",
        [one.rate for one in ours],
        "events/s",
        floor=[one.rate for one in floors],
        conditions=conditions,
    )
    yield session.figure(
        "read/all/processor",
        [one.microseconds for one in ours],
        "us/event",
        floor=[one.microseconds for one in floors],
        conditions={**conditions, "processor": "time of all threads, whatever else runs"},
    )
    yield session.figure(
        "read/all/memory",
        [one.megabytes for one in ours],
        "MB",
        floor=[one.megabytes for one in floors],
        conditions={**conditions, "memory": "the largest resident size of the whole process"},
    )
