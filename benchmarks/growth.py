"""Whether the log's cost grows with the log: append and tail at 10,000 events and at 5,000,000.

The logs are made once; then every size is measured in each round, one after the other, so that all
of them see the same machine, and every second round in the other order, because a size also feels
what the disk still has to write of the one before. The floor of each figure is the smallest log's.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.append import DURABILITY, WRITERS
from benchmarks.append_rows import event
from benchmarks.figure import Figure
from benchmarks.log_rows import write_log
from benchmarks.rounds import percentile
from benchmarks.session import Session
from events.sql import SqlEventStore, open_event_store
from events.sqlite import open_sqlite
from events.store import NO_STREAM, PAGE, Append
from service.clock import system_clock

LONE = 500
SHARED = 6_400
PAGES = 40
AIM = "at the largest log within 1.2 times of the smallest"

_numbers = itertools.count()


@dataclass(slots=True)
class Rounds:
    """One size, in the order of the rounds."""

    alone: list[float] = field(default_factory=list)
    """Milliseconds of one append after the other, the median."""
    together: list[float] = field(default_factory=list)
    """Events a second of 64 writers."""
    tail: list[float] = field(default_factory=list)
    """Milliseconds to read a page near the end of the log, the median."""


async def run(session: Session) -> AsyncIterator[Figure]:
    """All sizes in turn, round after round."""
    with session.fresh_folder() as folder:
        logs = {size: folder / f"{size}" for size in session.sizes.growth_events}
        measured = {size: Rounds() for size in logs}
        for size, path in logs.items():
            path.mkdir()
            await asyncio.to_thread(write_log, path / "log.db", size)
        for number in range(session.rounds):
            sizes = list(logs) if number % 2 == 0 else list(reversed(logs))
            for size in sizes:
                await _measure(logs[size] / "log.db", size, measured[size])
    for figure in _figures(session, measured):
        yield figure


async def _measure(path: Path, size: int, rounds: Rounds) -> None:
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=system_clock, new_epoch=lambda: "benchmrk") as store,
    ):
        # First of all: what is appended is kept in memory, and this is about the database.
        rounds.tail.append(1000 * percentile(await _tail(store), 0.5))
        rounds.alone.append(1000 * percentile(await _append(store, LONE), 0.5))
        began = time.perf_counter()
        await asyncio.gather(*[_append(store, SHARED // WRITERS) for _ in range(WRITERS)])
        rounds.together.append(SHARED / (time.perf_counter() - began))


async def _tail(store: SqlEventStore) -> list[float]:
    head = await store.head()
    taken = []
    for number in range(1, PAGES + 1):
        after = max(0, head - PAGE * (number % 4 + 1))
        began = time.perf_counter()
        await store.read_all(after=after, limit=PAGE)
        taken.append(time.perf_counter() - began)
    return taken


async def _append(store: SqlEventStore, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        number = next(_numbers)
        wanted = Append(stream=f"document-new-{number}", expected=NO_STREAM, events=[event(number)])
        began = time.perf_counter()
        await store.append(wanted)
        taken.append(time.perf_counter() - began)
    return taken


def _figures(session: Session, measured: Mapping[int, Rounds]) -> list[Figure]:
    smallest = measured[min(measured)]
    figures = []
    for size, rounds in measured.items():
        conditions = {
            "events": size,
            "durability": DURABILITY,
            "floor_is": f"the same with {min(measured)} events in the log",
            "aim": AIM,
        }
        for name, unit, values, floor in _named(rounds, smallest):
            figures.append(
                session.figure(
                    f"growth/{name}/{size}", values, unit, floor=floor, conditions=conditions
                )
            )
    return figures


def _named(rounds: Rounds, smallest: Rounds) -> Sequence[tuple[str, str, list[float], list[float]]]:
    return [
        ("append-p50", "ms", rounds.alone, smallest.alone),
        ("append-64-writers", "events/s", rounds.together, smallest.together),
        ("tail-page-p50", "ms", rounds.tail, smallest.tail),
    ]
