"""A pool of workers with a document in front of it, for tests that give it something to do."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from service.processing.limits import MEBIBYTE, Limits
from service.processing.outcome import Outcome, TryLater
from service.processing.pool import OnProgress, Pool
from service.processing.registry import load_processors
from tests.integration import hostile_processors

UVLOOP = ("asyncio", {"use_uvloop": True})
"""The event loop that the service runs on."""

_OWN = ",".join(
    f"{name}=tests.integration.hostile_processors:{name}"
    for name, value in vars(hostile_processors).items()
    if callable(value) and getattr(value, "__module__", "") == hostile_processors.__name__
)
PROCESSORS = load_processors(_OWN)
LIMITS = Limits(seconds=30, address_space_bytes=400 * MEBIBYTE, output_bytes=MEBIBYTE, pages=1000)


class Office:
    """A pool, and a folder with a document in it."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self.pool = pool
        self.folder = folder
        self.document = folder / "document"
        self.output = folder / "result.jsonl"

    async def run(self, processor: str, on_progress: OnProgress = lambda _, __: None) -> Outcome:
        return await self.pool.run(
            processor,
            document_id="doc_1",
            run=2,
            attempt=3,
            path=self.document,
            output=self.output,
            on_progress=on_progress,
        )


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    size: int = 1,
    limits: Limits = LIMITS,
    tasks_per_worker: int = 200,
    resident_bytes: int = 256 * MEBIBYTE,
) -> AsyncIterator[Office]:
    async with Pool(
        PROCESSORS,
        size=size,
        limits=limits,
        tasks_per_worker=tasks_per_worker,
        resident_bytes=resident_bytes,
    ) as pool:
        office = Office(pool, folder)
        office.document.write_text("three little words")
        yield office


def failure(outcome: Outcome) -> TryLater:
    assert isinstance(outcome, TryLater)
    return outcome


async def until_gone(*pids: int) -> None:
    """Returns when these processes have ended, whether or not anybody has taken note of it."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        async with asyncio.timeout(20):
            await ended.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
