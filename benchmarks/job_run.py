"""One round of another job queue: its workers wait, its producers begin, until the last job ran.

Its program is called in two ways, in processes of their own. ``work URL FOLDER`` runs jobs until
SIGTERM and keeps a file in the folder for each process that runs any: two doubles, the moment of
the newest job and how many. ``produce URL COUNT BATCH`` enqueues when a line comes on its standard
input, and prints when it began, when it ended, and what it is. Both print ``ready`` first.
"""

import asyncio
import os
import signal
import struct
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
NUMBERS = struct.Struct("<dd")
READY = b"ready\n"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
PATIENCE = 600.0
LOOK_SECONDS = 0.02


class Produced(msgspec.Struct, frozen=True, kw_only=True):
    """What a producer tells behind its last job; moments in seconds since 1970."""

    began: float
    ended: float
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """So many jobs, from the first enqueue to the last job that ran."""

    jobs: int
    seconds: float
    enqueuing_seconds: float
    version: str

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    @property
    def enqueuing_rate(self) -> float:
        """Jobs a second while they were enqueued: at the rate itself, producers set the pace."""
        return self.jobs / self.enqueuing_seconds

    def on(self, store: str) -> "Drained":
        """The same, with the store's version told beside the queue's."""
        return replace(self, version=f"{self.version}, {store}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What there is to do, and by how many processes."""

    jobs: int
    batch: int
    workers: int
    producers: int


async def drain(program: Sequence[str], url: str, folder: Path, load: Load) -> Drained:
    """Enqueue and run so many jobs; the folder is an empty one, for the workers' counts."""
    async with AsyncExitStack() as stack:
        for _ in range(load.workers):
            await stack.enter_async_context(_started(program, "work", url, str(folder)))
        producing = [
            await stack.enter_async_context(
                _started(program, "produce", url, str(share), str(load.batch))
            )
            for share in shares_of(load.jobs, load.producers)
        ]
        for producer in producing:
            _begin(producer)
        try:
            async with asyncio.timeout(PATIENCE):
                told = [await _produced(producer) for producer in producing]
                ended = await _all_ran(folder, load.jobs)
        except TimeoutError as error:
            ran, _ = progress_of(folder)
            raise RuntimeError(
                f"{ran} of {load.jobs} jobs of {program[-1]} ran in {PATIENCE:.0f} s; "
                "measure on a machine that does nothing else, or with --small"
            ) from error
    began = min(one.began for one in told)
    return Drained(
        jobs=load.jobs,
        seconds=ended - began,
        enqueuing_seconds=max(one.ended for one in told) - began,
        version=told[0].version,
    )


def shares_of(jobs: int, producers: int) -> list[int]:
    """The jobs of each producer, which together are all."""
    return [jobs // producers + (number < jobs % producers) for number in range(producers)]


def progress_of(folder: Path) -> tuple[int, float]:
    """How many jobs ran so far, in all processes, and when the newest did."""
    newest, counts = 0.0, 0
    for path in folder.iterdir():
        written = path.read_bytes()
        if len(written) == NUMBERS.size:  # else it is just being made
            moment, count = NUMBERS.unpack(written)
            newest, counts = max(newest, moment), counts + int(count)
    return counts, newest


async def _all_ran(folder: Path, jobs: int) -> float:
    while progress_of(folder)[0] < jobs:  # noqa: ASYNC110 - other processes write the files
        await asyncio.sleep(LOOK_SECONDS)
    # Read once more: the last count may have been seen beside the moment before it.
    counted, newest = progress_of(folder)
    if counted != jobs:
        raise RuntimeError(
            f"{counted} jobs ran of {jobs}: some ran twice; the figure means nothing"
        )
    return newest


async def _produced(producer: Process) -> Produced:
    line = await _output_of(producer).readline()
    if not line:
        raise RuntimeError("a producer ended early; its own words stand above")
    return msgspec.json.decode(line, type=Produced)


@asynccontextmanager
async def _started(program: Sequence[str], *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *program, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while (line := await _output_of(process).readline()) != READY:
                if not line:
                    raise RuntimeError(f"{program[-1]} {arguments[0]} ended before it was ready")
        yield process
    finally:
        await _stopped(process)


async def _stopped(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started itself
        await process.wait()


def _output_of(process: Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


def _begin(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
