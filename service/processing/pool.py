"""Worker processes that read documents: one at a time each, within limits, replaced when they fail.

    async with Pool(load_processors()) as pool:
        outcome = await pool.run("pdf-text", document_id=..., path=..., output=..., ...)

Entering starts the workers and does not wait for them. `run` waits for a free worker, first come,
first served; how many may wait is for the caller to bound (`waiting`). Whatever happens to a
worker, `run` answers with an outcome, and the output file exists only if that is `Extracted`.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from service.processing.child import Child, WorkerEnded, cause_of_death
from service.processing.desks import Desk, DeskLine
from service.processing.limits import MEBIBYTE, Limits
from service.processing.outcome import (
    INTERRUPTED,
    NOTHING_EXTRACTED,
    OUT_OF_MEMORY,
    PROCESSOR_UNAVAILABLE,
    TIMED_OUT,
    WORKER_CRASHED,
    WORKER_UNAVAILABLE,
    Extracted,
    Outcome,
    TryLater,
    Unreadable,
)
from service.processing.registry import ProcessorSpec
from service.processing.wire import Failed, Progressed, Ready, Succeeded, Task, WireError

T = TypeVar("T")

OnProgress = Callable[[int, int | None], None]

START_SECONDS = 60.0
"""A worker that has not loaded its libraries by then is given up."""

_INTERRUPTED = TryLater(
    code=INTERRUPTED, message="The service was stopped while this document was being read."
)
_UNAVAILABLE = TryLater(
    code=WORKER_UNAVAILABLE,
    message="No worker process could be started; the log and the machine's limits say why.",
)
_NOT_AN_ANSWER = TryLater(
    code=WORKER_CRASHED, message="The worker process said something that is not an answer."
)


class Pool:
    def __init__(
        self,
        processors: Mapping[str, ProcessorSpec],
        *,
        size: int | None = None,
        limits: Limits | None = None,
        tasks_per_worker: int = 1000,
        resident_bytes: int = 256 * MEBIBYTE,
    ) -> None:
        """`size` is one worker for each core if not given. A worker is replaced after so many
        tasks, or when it keeps more memory than `resident_bytes` after one.
        """
        self._processors = processors
        self._limits = limits or Limits()
        self._tasks_per_worker = tasks_per_worker
        self._resident_bytes = resident_bytes
        self._desks = [Desk() for _ in range(size or available_cores())]
        self._line = DeskLine()
        self._open = False

    @property
    def size(self) -> int:
        return len(self._desks)

    @property
    def free(self) -> int:
        """Workers with nothing to do."""
        return self._line.free

    @property
    def waiting(self) -> int:
        """Runs that wait for a worker."""
        return self._line.waiting

    @property
    def pids(self) -> list[int]:
        return [desk.child.pid for desk in self._desks if desk.child is not None]

    async def __aenter__(self) -> Self:
        self._open = True
        for desk in self._desks:
            desk.seat()
        self._line.open(self._desks)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends every worker. Runs that still wait or work end as `interrupted`."""
        self._open = False
        ended = [child for desk in self._line.close() if (child := desk.leave()) is not None]
        for desk in self._desks:
            if desk.child is not None:
                desk.child.kill()  # its run notices, and leaves the desk
                ended.append(desk.child)
        await _in_thread(partial(_reap, ended))

    async def run(
        self,
        processor: str,
        *,
        document_id: str,
        run: int,
        attempt: int,
        path: Path,
        output: Path,
        on_progress: OnProgress = lambda done, total: None,
    ) -> Outcome:
        """Reads the document at `path`, leaves its text at `output`. Cancelling kills the work."""
        spec = self._processors.get(processor)
        if spec is None:
            message = f"There is no processor named {processor!r}; add it to the settings."
            return TryLater(code=PROCESSOR_UNAVAILABLE, message=message)
        if spec.inline:
            return NOTHING_EXTRACTED
        task = Task(
            processor=spec.name,
            target=spec.target,
            document_id=document_id,
            run=run,
            attempt=attempt,
            path=str(path),
            output=str(output),
            limits=self._limits,
        )
        desk = await self._line.take()
        if desk is None:
            return _INTERRUPTED
        try:
            return await self._work(desk, task, on_progress)
        finally:
            self._line.give_back(desk)

    async def _work(self, desk: Desk, task: Task, on_progress: OnProgress) -> Outcome:
        answer: Succeeded | Failed | None = None
        stays = False
        try:
            child = await _ready_child(desk)
            if child is None:
                return _UNAVAILABLE
            try:
                answer = await _conversation(child, task, on_progress)
            except TimeoutError:
                return _timed_out(self._limits)
            except WireError:
                return _NOT_AN_ANSWER
            except WorkerEnded:
                exit_code = await _in_thread(child.end_by_itself)
                return cause_of_death(exit_code) if self._open else _INTERRUPTED
            stays = self._may_stay(child, answer)
            return _outcome(answer, Path(task.output))
        finally:
            if not stays:
                await self._replace(desk, None if answer else Path(task.output))

    def _may_stay(self, child: Child, answer: Succeeded | Failed) -> bool:
        child.tasks_done += 1
        return (
            child.tasks_done < self._tasks_per_worker
            and answer.resident_bytes <= self._resident_bytes
            # Who has run out of memory once may be left with half a library.
            and not (isinstance(answer, Failed) and answer.code == OUT_OF_MEMORY)
        )

    async def _replace(self, desk: Desk, leftover: Path | None) -> None:
        """A new worker in place of the old, which is dead on return, its unfinished file gone."""
        old = desk.leave()
        if self._open:
            desk.seat()

        def bury() -> None:
            if old is not None:
                old.reap()
            if leftover is not None:
                leftover.unlink(missing_ok=True)

        await _in_thread(bury)


def available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _ready_child(desk: Desk) -> Child | None:
    """The desk's worker once it is ready. One that died in its sleep is replaced, once."""
    for _ in range(2):
        child = desk.child if desk.child is not None and desk.child.alive else desk.seat()
        if child is None:
            return None
        with suppress(TimeoutError, WorkerEnded, WireError):
            async with asyncio.timeout(START_SECONDS):
                await child.greeted()
            return child
        desk.leave()
        await _in_thread(child.reap)
    return None


async def _conversation(child: Child, task: Task, on_progress: OnProgress) -> Succeeded | Failed:
    async with asyncio.timeout(task.limits.seconds):
        await child.send(task)
        while True:
            match await child.receive():
                case Progressed(done=done, total=total):
                    on_progress(done, total)
                case Ready():
                    raise WireError("a worker is ready once")
                case answer:
                    return answer


def _outcome(answer: Succeeded | Failed, output: Path) -> Outcome:
    match answer:
        case Succeeded():
            return Extracted(
                pages=answer.pages,
                characters=answer.characters,
                text_sha256=answer.text_sha256,
                result=output if answer.result_bytes else None,
                result_bytes=answer.result_bytes,
            )
        case Failed(final=True):
            return Unreadable(code=answer.code, message=answer.message)
    return TryLater(code=answer.code, message=answer.message, after_seconds=answer.after_seconds)


def _timed_out(limits: Limits) -> TryLater:
    message = f"Reading this document took longer than {limits.seconds:g} seconds, the limit."
    return TryLater(code=TIMED_OUT, message=message)


def _reap(children: list[Child]) -> None:
    for child in children:
        child.reap()


async def _in_thread(work: Callable[[], T]) -> T:
    """Blocking work that is done even if whoever waits for it is cancelled."""
    # Not ``events.threads``, which drops what has not begun: a process would stay unreaped.
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))
