"""A worker process: takes tasks from its socket one by one, runs the processor, answers.

Started by `child` as `python -m service.processing.worker SOCKET PARENT`. Each task brings limits,
which the kernel keeps; the pool kills a worker that overstays.
"""

import ctypes
import gc
import importlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from service.processing.limits import MEBIBYTE, Limits
from service.processing.outcome import (
    CODE_LIMIT,
    OUT_OF_MEMORY,
    PROCESSOR_FAILED,
    PROCESSOR_UNAVAILABLE,
    printable,
)
from service.processing.processor import CannotRead, Job, Processor, Retry
from service.processing.progress import ProgressThrottle
from service.processing.result_writer import ResultWriter
from service.processing.wire import (
    Answer,
    Failed,
    Progressed,
    Ready,
    Succeeded,
    Task,
    encoded,
    task_from,
)

GRACE_SECONDS = 5.0
"""The pool kills at the time limit; if the pool is gone, the kernel does, this much later."""

_PR_SET_PDEATHSIG = 1

Send = Callable[[Answer], None]


def main(arguments: list[str]) -> None:
    channel = socket.socket(fileno=int(arguments[0]))
    _die_with(parent=int(arguments[1]))
    # What a processor prints goes to the errors: standard output is for the service's own words.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A service manager may send these to every process; the service decides when a worker ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    importlib.import_module("service.processing.pdf")
    # What is loaded by now stays for good; the collector need not look at it after each document.
    gc.freeze()

    def send(answer: Answer) -> None:
        channel.sendall(encoded(answer))

    send(Ready())
    # Reads to the end of the socket, which comes when the service closes it or is gone.
    for line in channel.makefile("rb"):
        send(run(task_from(line), send))


def run(task: Task, send: Send) -> Answer:
    """One document, start to answer. A result file stays only if the answer is `Succeeded`."""
    _keep_within(task.limits)
    answer = _attempt(task, send)
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.collect()
    if answer is None:
        answer = _out_of_memory(task.limits)
    if isinstance(answer, Failed):
        Path(task.output).unlink(missing_ok=True)
    return answer


def _attempt(task: Task, send: Send) -> Answer | None:
    """`None` when memory ran out: what filled it is let go first, then there is room for words."""
    try:
        return _processed(task, send)
    except CannotRead as refusal:
        return _failed(refusal.code, refusal.message, final=True)
    except Retry as refusal:
        return _failed(refusal.code, refusal.message, after_seconds=refusal.after_seconds)
    except MemoryError:
        return None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return _failed(
            PROCESSOR_FAILED, f"The processor {task.processor} failed: {described(error)}"
        )


def _processed(task: Task, send: Send) -> Succeeded:
    processor = _imported(task)
    throttle = ProgressThrottle(
        lambda done, total: send(Progressed(done=done, total=total)), time.monotonic
    )
    writer = ResultWriter(
        Path(task.output), processor=task.processor, limit_bytes=task.limits.output_bytes
    )
    job = Job(
        path=Path(task.path),
        document_id=task.document_id,
        run=task.run,
        attempt=task.attempt,
        pages_limit=task.limits.pages,
        write_page=writer.write_page,
        progress=throttle,
    )
    try:
        summary = writer.finish(processor(job) or {})
    finally:
        writer.close()
    throttle.flush()
    return Succeeded(
        pages=summary.pages,
        characters=summary.characters,
        text_sha256=summary.text_sha256,
        result_bytes=writer.bytes,
        resident_bytes=_resident_bytes(),
    )


def _imported(task: Task) -> Processor:
    module, _, name = task.target.partition(":")
    try:
        return cast("Processor", getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError) as error:
        message = (
            f"The processor {task.processor} ({task.target}) cannot be loaded: {described(error)}"
        )
        raise Retry(PROCESSOR_UNAVAILABLE, message) from error


def _out_of_memory(limits: Limits) -> Failed:
    mebibytes = limits.address_space_bytes // MEBIBYTE
    message = f"Reading this document takes more memory than a worker may have ({mebibytes} MiB)."
    return _failed(OUT_OF_MEMORY, message)


def _failed(
    code: str, message: str, *, final: bool = False, after_seconds: int | None = None
) -> Failed:
    return Failed(
        final=final,
        # A processor is free to raise with anything at all; what goes over the wire is clean.
        code=printable(str(code), CODE_LIMIT),
        message=printable(str(message)),
        after_seconds=None if after_seconds is None else max(int(after_seconds), 0),
        resident_bytes=_resident_bytes(),
    )


def described(error: BaseException) -> str:
    """Name and text of an exception, whose own `__str__` may fail as well."""
    try:
        return printable(f"{type(error).__name__}: {error}")
    except Exception:
        return f"{type(error).__name__} (which cannot say its own text)"


def _keep_within(limits: Limits) -> None:
    _limit(resource.RLIMIT_AS, limits.address_space_bytes)
    _limit(resource.RLIMIT_FSIZE, limits.output_bytes * 2)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE_SECONDS)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (allowed, allowed))


def _resident_bytes() -> int:
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _die_with(parent: int) -> None:
    """Linux kills us when the service dies, even while a processor hangs. Elsewhere the end of the
    socket and the timer have to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
