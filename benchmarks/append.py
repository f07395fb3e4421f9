"""How many events a second the log takes durably: from one writer, and from 64 at once.

The floor is ``append_floor``: the standard library's ``sqlite3`` writing the very same rows, one a
commit, and then as many a commit as the log's group commit had reached. The peer is
``eventsourcing``, one event a commit: its SQLite recorder, which is given encoded events, from one
thread and from 64; and its application, which encodes and checks them as the log does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from benchmarks import append_floor
from benchmarks.append_peer import (
    APPLICATION_NAME,
    SQLITE,
    SQLITE_NAME,
    measure_peer,
    measure_peer_saving,
)
from benchmarks.append_rows import BYTES, STREAMS, appends
from benchmarks.figure import Figure
from benchmarks.session import Session
from benchmarks.timings import Timing
from events.database import Database, T, Work
from events.sql import SqlEventStore, open_event_store
from events.sqlite import open_sqlite
from events.store import Append
from migrations import upgrade
from service.clock import system_clock

WRITERS = 64
DURABILITY = "SQLite WAL, synchronous=FULL: an append returns after fdatasync"


class Counting:
    """A database that counts its transactions."""

    def __init__(self, database: Database) -> None:
        self.commits = 0
        self._database = database

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        """Count, and write."""
        self.commits += 1
        return await self._database.write(work, long=long)

    async def read(self, work: Work[T]) -> T:
        """Read."""
        return await self._database.read(work)


async def run(session: Session) -> AsyncIterator[Figure]:
    """Log, floor and peer in turn, round after round."""
    async for figure in _lone(session):
        yield figure
    async for figure in _shared(session):
        yield figure


async def _lone(session: Session) -> AsyncIterator[Figure]:
    count = session.sizes.lone_appends
    ours, floors, peers = [], [], []
    for _ in range(session.rounds):
        with session.fresh_folder() as folder:
            ours.append((await _measure(folder, count, writers=1))[0])
        with session.fresh_folder() as folder:
            floors.append(append_floor.measure(folder, count, batch=1))
        with session.fresh_folder() as folder:
            peers.append(measure_peer(SQLITE, _peer(folder), count, writers=1))
    known = [peer for peer in peers if peer is not None]
    conditions = {
        "durability": DURABILITY,
        "events": count,
        "event_bytes": BYTES,
        "writers": 1,
        "floor_is": "sqlite3, the same rows, one a commit",
    }
    for name, unit, values in columns("append/one-by-one", ours):
        yield session.figure(
            name,
            values,
            unit,
            floor=values_of(unit, name, floors),
            peer=values_of(unit, name, known),
            peer_name=SQLITE_NAME,
            conditions=conditions,
        )


async def _shared(session: Session) -> AsyncIterator[Figure]:
    count = session.sizes.shared_appends
    ours, floors, peers, batches = [], [], [], []
    lone: list[Timing | None] = []
    saving: list[Timing | None] = []
    for _ in range(session.rounds):
        with session.fresh_folder() as folder:
            timing, commits = await _measure(folder, count, writers=WRITERS)
            ours.append(timing)
            batches.append(max(1, round(count / commits)))
        with session.fresh_folder() as folder:
            floors.append(append_floor.measure(folder, count, batch=batches[-1]))
        with session.fresh_folder() as folder:
            # It commits one by one, so a tenth of the events says the same in a tenth of the time.
            peers.append(measure_peer(SQLITE, _peer(folder), count // 10, writers=WRITERS))
        with session.fresh_folder() as folder:
            lone.append(measure_peer(SQLITE, _peer(folder), count // 10, writers=1))
        with session.fresh_folder() as folder:
            saving.append(measure_peer_saving(_peer(folder), count // 10))
    known = [peer for peer in peers if peer is not None]
    conditions = {
        "durability": DURABILITY,
        "events": count,
        "event_bytes": BYTES,
        "writers": WRITERS,
        "events_per_commit": batches,
        "floor_is": "sqlite3, the same rows, executemany with the batch that was reached",
    }
    for name, unit, values in columns("append/64-writers", ours):
        rate = unit == "events/s"
        yield session.figure(
            name,
            values,
            unit,
            floor=values_of(unit, name, floors) if rate else None,
            peer=values_of(unit, name, known),
            peer_name=f"{SQLITE_NAME}, {WRITERS} threads",
            conditions=conditions,
        )
    for what, rounds, peer_name in (
        ("recorder-alone", lone, f"{SQLITE_NAME}, one thread"),
        ("application-alone", saving, f"{APPLICATION_NAME}, one thread"),
    ):
        yield session.figure(
            f"append/64-writers/{what}",
            [timing.rate for timing in ours],
            "events/s",
            peer=[timing.rate for timing in rounds if timing is not None],
            peer_name=peer_name,
            conditions=conditions,
        )


def _peer(folder: Path) -> str:
    return str(folder / "peer.db")


def columns(bench: str, timings: Sequence[Timing]) -> list[tuple[str, str, list[float]]]:
    """The figures of these rounds: the rate, and two latencies; name, unit, a value a round."""
    return [
        (bench, "events/s", [timing.rate for timing in timings]),
        (f"{bench}/p50", "ms", [timing.milliseconds(0.5) for timing in timings]),
        (f"{bench}/p99", "ms", [timing.milliseconds(0.99) for timing in timings]),
    ]


def values_of(unit: str, name: str, timings: Sequence[Timing]) -> list[float]:
    """What one of these figures would be for other rounds."""
    if unit == "events/s":
        return [timing.rate for timing in timings]
    share = 0.5 if name.endswith("p50") else 0.99
    return [timing.milliseconds(share) for timing in timings]


async def _measure(folder: Path, count: int, *, writers: int) -> tuple[Timing, int]:
    path = folder / "log.db"
    await asyncio.to_thread(upgrade, "log", path)
    return await measure_log(open_sqlite(path, durability="full"), count, writers=writers)


async def measure_log(
    opening: AbstractAsyncContextManager[Database], count: int, *, writers: int
) -> tuple[Timing, int]:
    """So many appends of one event by so many writers; the round, and how many commits it took."""
    async with opening as database:
        counting = Counting(database)
        async with open_event_store(
            counting, clock=system_clock, new_epoch=lambda: "benchmrk"
        ) as store:
            # Each writer has streams of its own, so that nobody meets a conflict.
            shares = [
                appends(count // writers, streams=_streams(w, writers)) for w in range(writers)
            ]
            before = counting.commits
            began = time.perf_counter()
            latencies = await asyncio.gather(*[_write(store, share) for share in shares])
            seconds = time.perf_counter() - began
            every = [one for some in latencies for one in some]
            return Timing(seconds=seconds, latencies=every), counting.commits - before


def _streams(writer: int, writers: int) -> Sequence[int]:
    return range(writer, STREAMS, writers)


async def _write(store: SqlEventStore, share: Sequence[Append]) -> list[float]:
    latencies = []
    for append in share:
        began = time.perf_counter()
        await store.append(append)
        latencies.append(time.perf_counter() - began)
    return latencies
