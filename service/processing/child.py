"""Our end of one worker process: start it, talk with it, end it and everything that it started.

The process is started afresh (`exec`), never forked off the running service: it inherits no
thread, no lock, no open file but its socket, and none of our secrets.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from service.processing.outcome import (
    TIMED_OUT,
    WORKER_CRASHED,
    WORKER_KILLED,
    TryLater,
)
from service.processing.wire import LINE_LIMIT, Answer, Ready, Task, answer_from, encoded

SECRETS = ("QSTASH_", "WAYBILL_")
"""Settings of the service, keys among them: no processor gets to see them."""

_REAP_SECONDS = 5.0


class WorkerEnded(Exception):
    """The worker closed its socket in the middle of a conversation."""


class Child:
    def __init__(self) -> None:
        """Starts the process and returns at once; it is ready when its first answer comes."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        command = [sys.executable, "-P", "-m", "service.processing.worker"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own module, no shell
                [*command, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(),
                # Its own group: Ctrl-C in a terminal is for the service, and what the worker
                # starts ends with the worker.
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._socket = ours
        self._received = bytearray()
        self.tasks_done = 0
        self._greeted = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def greeted(self) -> None:
        """Returns when the worker has loaded its libraries."""
        if not self._greeted and not isinstance(await self.receive(), Ready):
            raise WorkerEnded
        self._greeted = True

    async def send(self, task: Task) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, encoded(task))
        except ConnectionError as cause:
            raise WorkerEnded from cause

    async def receive(self) -> Answer:
        """The next answer. Raises `WorkerEnded`, or `WireError` if it is not one."""
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > LINE_LIMIT:
                raise WorkerEnded
            await self._receive_more()
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return answer_from(line)

    async def _receive_more(self) -> None:
        try:
            chunk = await asyncio.get_running_loop().sock_recv(self._socket, LINE_LIMIT)
        except ConnectionError as cause:
            raise WorkerEnded from cause
        if not chunk:
            raise WorkerEnded
        self._received += chunk

    def kill(self) -> None:
        """Ends the process and its group now. Safe to call twice."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Closes our end. Not while somebody receives: the event loop still watches it then."""
        self._socket.close()

    def reap(self) -> None:
        """Waits until the killed process is gone. Blocks for a moment: call it in a thread."""
        self._process.wait()

    def end_by_itself(self) -> int:
        """The exit code of a process that hung up. Blocks for a moment: call it in a thread."""
        try:
            return self._process.wait(_REAP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()


def cause_of_death(exit_code: int) -> TryLater:
    """What to tell people of a worker that ended in the middle of its work."""
    if exit_code >= 0:
        message = (
            f"The worker process ended with exit code {exit_code} while it read this document."
        )
        return TryLater(code=WORKER_CRASHED, message=message)
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    match number:
        case signal.SIGKILL | signal.SIGTERM:
            message = (
                f"The worker process was killed ({name}) while it read this document;"
                " the machine may be short of memory."
            )
            return TryLater(code=WORKER_KILLED, message=message)
        case signal.SIGALRM:
            return TryLater(code=TIMED_OUT, message="Reading this document took too long.")
    message = f"The worker process crashed ({name}) while it read this document."
    return TryLater(code=WORKER_CRASHED, message=message)


def _environment() -> Mapping[str, str]:
    # Handed on, not read: settings come from `service.settings` alone.
    inherited = os.environ  # noqa: TID251
    kept = {name: value for name, value in inherited.items() if not name.startswith(SECRETS)}
    # The worker finds the same modules as the service, a user's own processors among them.
    kept["PYTHONPATH"] = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)
    return kept
