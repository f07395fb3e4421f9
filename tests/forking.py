"""Starts processes of the product without loading its libraries anew, which takes a second or two.

One process has loaded them (`tests/preloaded.py`) and forks off whoever is asked for: a process of
its own, with its own arguments, environment, folder and files, that ends by itself or by any
signal. What it starts in its turn, its workers and its broker, begins as it does for users; and so
do the demo's server, and the commands whose memory is measured.
"""

import os
import runpy
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.reduction import DupFd
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[1]
OURS = ("WAYBILL_", "QSTASH_")

context = get_context("forkserver")
context.set_forkserver_preload(["tests.preloaded"])

# Who starts a process, or asks how one is, asks all the others too; each can answer but once.
_one_at_a_time = threading.Lock()


class File(Protocol):
    """Anything that is open."""

    def fileno(self) -> int: ...


def environment_of_a_user(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without the settings of whoever runs the tests, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


class Forked:
    """`python -m MODULE ARGUMENTS`; the names are those of `subprocess.Popen`.

    Its standard input is a pipe, and so is its standard output unless a file is given; the errors
    go to a file or to where ours go.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path = ROOT,
        stdout: File | None = None,
        stderr: File | None = None,
        session: bool = False,
    ) -> None:
        """``session``: it leads a session, whose processes can be killed together."""
        their_in, our_in = os.pipe()
        our_out, their_out = os.pipe()
        self.stdin = os.fdopen(our_in, "wb")
        self.stdout = os.fdopen(our_out, encoding="utf-8")
        errors = 2 if stderr is None else stderr.fileno()
        files = (their_in, their_out if stdout is None else stdout.fileno(), errors)
        command = (module, list(arguments), dict(environment), str(folder), session)
        try:
            with _one_at_a_time:
                self._process = context.Process(target=_become, args=(_Files(files), *command))
                self._process.start()
        finally:
            os.close(their_in)
            os.close(their_out)
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.returncode: int | None = None

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *error: object) -> None:
        self.stdin.close()
        self.stdout.close()
        self.wait()

    def poll(self) -> int | None:
        """Its exit code, or ``None`` while it runs; a signal's number is below zero."""
        with _one_at_a_time:
            if self.returncode is None:
                self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit code."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutExpired(["forked", str(self.pid)], timeout or 0)
            connection.wait([self._process.sentinel], left)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class _Files:
    """Open files on their way to a new process."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, tuple(DupFd(number) for number in self._numbers)


def _received(*files: Any) -> list[int]:
    return [file.detach() for file in files]


def _become(
    files: Sequence[int],
    module: str,
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    session: bool,
) -> None:
    """In the new process: be what Python would have made of the command line."""
    if session:
        os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # A shell takes Ctrl-C away from what it starts in the background, such as a run of the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As Python opens them; the old ones remember what kind of file they were.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    sys.path[:0] = [folder, *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
