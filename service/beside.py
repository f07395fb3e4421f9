"""The broker's process: started, kept running, and stopped."""

import asyncio
import sys
from pathlib import Path

import structlog

from service.announcements import LISTENING

log = structlog.get_logger(__name__)

START_SECONDS = 30.0
STOP_SECONDS = 10.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0


class BrokerProcess:
    """``waybill broker`` as a child that ends when we do: its standard input is our pipe."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> str:
        """Start it, and wait until it listens; its address."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            "broker",
            "--data",
            str(self._data),
            "--port",
            str(port),
            "--until-stdin-ends",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C, and what else is sent to all of us, is for the service, which ends the broker.
            start_new_session=True,
        )
        return await _announced(self._process)

    async def keep(self, port: int) -> None:
        """Start it again, at the same port, whenever it ends by itself."""
        pause = FIRST_PAUSE
        while self._process is not None:
            code = await self._process.wait()
            log.error("the broker's process ended and is started again", code=code)
            await asyncio.sleep(pause)
            try:
                await self.start(port)
                pause = FIRST_PAUSE
            except (RuntimeError, TimeoutError, OSError) as error:
                log.error("the broker did not start", error=str(error))
                pause = min(2 * pause, LONGEST_PAUSE)

    async def stop(self) -> None:
        """Let it finish what is under way, up to a limit."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            log.warning("the broker did not stop in time and was killed")
            process.kill()
            await process.wait()


async def _announced(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise AssertionError("the broker's output is a pipe")
    async with asyncio.timeout(START_SECONDS):
        line = (await process.stdout.readline()).decode().strip()
    _, _, url = line.partition(LISTENING)
    if not url:
        raise RuntimeError(f"the broker did not start: {line or 'it said nothing'}")
    return url
