"""Processes of the product: started, waited for by their own word, killed or stopped."""

import json
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.forking import Forked, environment_of_a_user

START_SECONDS = 60.0
STOP_SECONDS = 30.0

LISTENING = "listening on "


class Started:
    """`python -m service COMMAND` in a session of its own, with its log in a file."""

    def __init__(self, command: Sequence[str], *, log: Path, settings: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as errors:
            self._process = Forked(
                "service",
                command,
                environment=environment_of_a_user(settings),
                folder=log.parent,
                stderr=errors,
                session=True,
            )
        self._unread = b""
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def line(self) -> str:
        """The next line that it says; fails with its log if it ends or stays silent instead."""
        descriptor = self._process.stdout.fileno()
        until = time.monotonic() + START_SECONDS
        while b"\n" not in self._unread:
            readable, _, _ = select.select([descriptor], [], [], until - time.monotonic())
            said = os.read(descriptor, 4096) if readable else b""
            if not said:
                raise AssertionError(f"it did not start:\n{self.log.read_text()[-4000:]}")
            self._unread += said
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def children(self) -> list[psutil.Process]:
        """The processes that it has started, and those that they have."""
        found: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
        return found

    def memory(self) -> int:
        """What this process alone has in memory, in bytes."""
        resident: int = psutil.Process(self.pid).memory_info().rss
        return resident

    def kill(self) -> None:
        """End this process, and only this one, as a power cut would."""
        self._process.kill()
        self.ended()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.ask_to_stop()
        return self.ended()

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing behind: whatever of the session still runs is killed."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.ended()

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        code = self._process.wait(STOP_SECONDS)
        self._process.stdin.close()
        self._process.stdout.close()
        return code


class Broker:
    """`waybill broker`: a QStash of the test's own, at one address over any number of lives."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._port = 0
        self._process: Started | None = None
        self.read_only_token = ""
        self.page = ""
        self.environment: dict[str, str] = {}
        """What a service needs to use it: QStash's own four settings."""

    @property
    def url(self) -> str:
        return self.environment["QSTASH_URL"]

    @property
    def token(self) -> str:
        return self.environment["QSTASH_TOKEN"]

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Broker":
        """Start it, again at the address that it had."""
        command = ["broker", "--json", "--data", str(self._folder), "--port", str(self._port)]
        command += self._options
        self._folder.mkdir(exist_ok=True)
        log = self._folder.with_suffix(".log")
        self._process = Started(command, log=log, settings={})
        said: dict[str, str] = {}
        while "page" not in said:
            said.update(json.loads(self._process.line()))
        self.page = said.pop("page")
        self.read_only_token = said.pop("QSTASH_READ_ONLY_TOKEN")
        self._port = int(said.pop("url").rpartition(":")[2])
        self.environment = said
        return self

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
