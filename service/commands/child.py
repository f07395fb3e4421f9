"""A `waybill serve` of one's own: started, waited for, and never left behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import service
from service.announcements import LISTENING
from service.commands.endings import Trouble
from service.commands.wording import plain

START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOG_LINES = 20
LOG_BYTES = 8192
USUAL_PORT = 8321
OF_OURS = ("WAYBILL_", "QSTASH_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server; `process` ends when it ends."""

    url: str
    process: asyncio.subprocess.Process
    log: Path


@asynccontextmanager
async def started(*, data: Path, port: int, settings: Mapping[str, str]) -> AsyncIterator[Server]:
    """A server over `data`, ready to serve; it is stopped on every way out."""
    log = data / "serve.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "serve"),
            *("--data", str(data), "--host", "127.0.0.1", "--port", str(port)),
            "--until-stdin-ends",  # however we end, it ends
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=_environment(settings),
            cwd=data,  # so that no waybill.toml of the current folder gets in
            start_new_session=True,  # Ctrl-C is for us, and we stop it in good order
        )
    try:
        yield Server(url=await _listening(process, log), process=process, log=log)
    finally:
        await asyncio.shield(_stop(process))


def free_port(usual: int = USUAL_PORT) -> int:
    """The usual port if nobody has it, else 0, which takes any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual


async def ended(server: Server) -> Trouble:
    """Waits for a server that should not end, and tells why it did."""
    code = await server.process.wait()
    return Trouble(f"the server ended with code {code}; {_last_words(server.log)}")


async def _listening(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode(errors="replace").strip()
    except TimeoutError:
        text = f"the server was not ready after {START_SECONDS:.0f} s; {_last_words(log)}"
        raise Trouble(text) from None
    if not line.startswith(LISTENING):
        said = f" It said {plain(line)!r}." if line else ""
        raise Trouble(f"the server did not start.{said} {_last_words(log)}")
    return line.removeprefix(LISTENING)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Asks it to stop, then insists; its workers go with it, they share its process group."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without the settings of another server; this program's own code is found first."""
    everything = os.environ  # noqa: TID251 -- handed on to the child, read nowhere else
    kept = {name: value for name, value in everything.items() if not name.startswith(OF_OURS)}
    ours = str(Path(service.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (ours, kept.get("PYTHONPATH", ""))))
    return {**kept, **settings}


def _last_words(log: Path) -> str:
    with log.open("rb") as opened:
        opened.seek(max(log.stat().st_size - LOG_BYTES, 0))
        lines = opened.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    if not lines:
        return "its log is empty"
    return "the end of its log:\n" + "\n".join(plain(line, longest=400) for line in lines)
