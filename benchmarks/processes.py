"""What processes hold in memory and have used of the processors."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

MEGABYTE = 1_000_000
SETTLED_SECONDS = 1.0
SETTLED_SHARE = 0.01
MOST_LOOKS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Megabytes: the first process alone, and all of them with shared pages counted once."""

    service: float
    all: float


def memory_of(processes: Sequence[psutil.Process]) -> Memory:
    """Resident memory of the first; of all, the proportional share (PSS) where the system tells."""
    return Memory(
        service=processes[0].memory_info().rss / MEGABYTE,
        all=sum(_share(process) for process in processes) / MEGABYTE,
    )


async def settled_memory_of(processes: Sequence[psutil.Process]) -> Memory:
    """The same as soon as it has stopped moving: workers load their libraries after the start."""
    before = memory_of(processes)
    for _ in range(MOST_LOOKS):
        await asyncio.sleep(SETTLED_SECONDS)
        now = memory_of(processes)
        if abs(now.all - before.all) < SETTLED_SHARE * before.all:
            return now
        before = now
    return before


def processor_seconds_of(processes: Sequence[psutil.Process]) -> float:
    """Processor time used so far, by all of them."""
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


def _share(process: psutil.Process) -> float:
    full = process.memory_full_info()
    return float(getattr(full, "pss", full.uss))
