"""How fast a projection is made anew from the whole log, and what that holds in memory."""

from collections.abc import AsyncIterator

from benchmarks.figure import Figure
from benchmarks.log_rows import write_log
from benchmarks.reading import measured
from benchmarks.session import Session
from projections import PROJECTIONS

AIM = "60,000 events/s or better, below 150 MB"


async def run(session: Session) -> AsyncIterator[Figure]:
    """Every projection, and the floor, in turn."""
    with session.fresh_folder() as folder:
        path = folder / "log.db"
        events = write_log(path, session.sizes.log_events)
        floors = [await measured("read_floor", path) for _ in range(session.rounds)]
        for projection in PROJECTIONS:
            ours = []
            for _ in range(session.rounds):
                ours.append(await measured("read_log", "rebuild", path, projection.name))
                for left in folder.glob("read.db*"):
                    left.unlink()
            conditions = {
                "events": events,
                "floor_is": "sqlite3 fetch, msgspec decode, a count; it stores nothing",
                "aim": AIM,
            }
            yield session.figure(
                f"rebuild/{projection.name}",
                [one.rate for one in ours],
                "events/s",
                floor=[one.rate for one in floors],
                conditions=conditions,
            )
            yield session.figure(
                f"rebuild/{projection.name}/processor",
                [one.microseconds for one in ours],
                "us/event",
                floor=[one.microseconds for one in floors],
                conditions={**conditions, "processor": "time of all threads, whatever else runs"},
            )
            yield session.figure(
                f"rebuild/{projection.name}/memory",
                [one.megabytes for one in ours],
                "MB",
                conditions={**conditions, "memory": "the largest resident size of the process"},
            )
