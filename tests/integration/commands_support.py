"""Runs `waybill` as a person does, in a process of its own, and servers for it to talk to."""

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import httpx

from tests.forking import Forked, environment_of_a_user

WAYBILL = (sys.executable, "-m", "service")
PATIENCE_SECONDS = 60
LISTENING = "listening on "
INSIDE = {"WAYBILL_BROKER_PROCESS": "inside"}
"""For a test that does not ask where the broker runs: to start a process for it takes seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines; anything else in it fails here."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return environment_of_a_user({"TZ": "UTC", **(more or {})})


def waybill(
    *arguments: str, url: str = "", more: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Ended:
    """Runs one command to its end."""
    settings = {**({"WAYBILL_URL": url} if url else {}), **(more or {})}
    with (
        TemporaryFile() as out,
        TemporaryFile() as err,
        Forked(
            "service", arguments, environment=environment(settings), stdout=out, stderr=err
        ) as process,
    ):
        with suppress(BrokenPipeError):  # it need not read to the end
            process.stdin.write(stdin)
            process.stdin.close()
        try:
            code = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        return Ended(code=code, out=_written(out), err=_written(err))


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@contextmanager
def running(*arguments: str, more: Mapping[str, str] | None = None, log: Path) -> Iterator[Forked]:
    """A command that goes on; it is killed at the end if it still runs."""
    with (
        log.open("w") as errors,
        Forked("service", arguments, environment=environment(more), stderr=errors) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def killed_at(file: Path, size: int, *arguments: str, log: Path) -> None:
    """Runs a command and kills it as soon as this file has that many bytes, or it has ended."""
    with running(*arguments, log=log) as process:
        while process.poll() is None:
            if file.exists() and file.stat().st_size >= size:
                process.kill()
            time.sleep(0.001)


@contextmanager
def served(folder: Path, *, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """A real server over an empty folder; gives its address."""
    arguments = ("serve", "--data", str(folder), "--port", "0")
    settings = {**INSIDE, **(more or {})}
    with running(*arguments, more=settings, log=folder.with_suffix(".log")) as process:
        yield address_of(process, folder.with_suffix(".log"))
        stop(process)


def tables_tell_of(position: int, url: str) -> None:
    """Waits until a server has made its tables from the log up to there."""
    asked = f"{url}/v1/documents?min_position={position}"
    until = time.monotonic() + PATIENCE_SECONDS
    while (answer := httpx.get(asked, timeout=PATIENCE_SECONDS)).status_code != 200:
        assert time.monotonic() < until, answer.text
        time.sleep(0.05)


def address_of(process: Forked, log: Path) -> str:
    """Waits for the line that says where it listens."""
    line = next_line(process)
    assert line.startswith(LISTENING), f"{line!r}\n{log.read_text()}"
    return line.removeprefix(LISTENING)


def next_line(process: Forked) -> str:
    return process.stdout.readline().rstrip("\n")


def stop(process: Forked, number: int = signal.SIGTERM) -> int:
    """Asks it to stop; its exit code."""
    process.send_signal(number)
    return process.wait(PATIENCE_SECONDS)


def ids_of(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["id"]) for each in objects]
