"""Runs `waybill` as a person does, in a process of its own, and servers for it to talk to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WAYBILL = (sys.executable, "-m", "service")
PATIENCE_SECONDS = 60
LISTENING = "listening on "


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
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WAYBILL_", "QSTASH_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), "TZ": "UTC", **(more or {})}


def waybill(
    *arguments: str, url: str = "", more: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Ended:
    """Runs one command to its end."""
    settings = {**({"WAYBILL_URL": url} if url else {}), **(more or {})}
    done = subprocess.run(
        [*WAYBILL, *arguments],
        input=stdin,
        capture_output=True,
        env=environment(settings),
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


@contextmanager
def running(
    *arguments: str, more: Mapping[str, str] | None = None, log: Path
) -> Iterator["subprocess.Popen[str]"]:
    """A command that goes on; it is killed at the end if it still runs."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*WAYBILL, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(more),
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
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
    with running(*arguments, more=more, log=folder.with_suffix(".log")) as process:
        yield address_of(process, folder.with_suffix(".log"))
        stop(process)


def address_of(process: "subprocess.Popen[str]", log: Path) -> str:
    """Waits for the line that says where it listens."""
    line = next_line(process)
    assert line.startswith(LISTENING), f"{line!r}\n{log.read_text()}"
    return line.removeprefix(LISTENING)


def next_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> int:
    """Asks it to stop; its exit code."""
    process.send_signal(number)
    return process.wait(PATIENCE_SECONDS)


def ids_of(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(each["id"]) for each in objects]
