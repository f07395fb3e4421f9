"""The broker's process: started, kept running, and stopped."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from service.announcements import LISTENING
from service.hosting import AddressUnusable, bind

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
BY_SETTING = "WAYBILL_BROKER_PORT={}"
START_SECONDS = 30.0
PORT_SECONDS = 5.0
"""How long the broker of a service that was killed just now may still have the port."""
LOOK_SECONDS = 0.05
STOP_SECONDS = 10.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0


class BrokerDidNotStart(Exception):
    """The broker's process ended, or said nothing, before it listened."""


class BrokerProcess:
    """``waybill broker`` as a child that ends when we do: its standard input is our pipe."""

    def __init__(self, data: Path, *, lingers: Callable[[], bool]) -> None:
        """``lingers`` says whether an earlier broker of this folder is still there."""
        self._data = data
        self._lingers = lingers
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> str:
        """Start it, and wait until it listens; its address.

        Raises ``AddressUnusable`` or ``BrokerDidNotStart``.
        """
        if port:
            await self._freed(port)
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
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._announced(self._process)
        except TimeoutError:
            self._process.kill()
            raise self._silent(f"did not listen within {START_SECONDS:.0f} seconds") from None

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
            except (BrokerDidNotStart, AddressUnusable, OSError) as error:
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

    async def _freed(self, port: int) -> None:
        """Wait for the port while an earlier broker has it; raises ``AddressUnusable``."""
        until = asyncio.get_running_loop().time() + PORT_SECONDS
        while True:
            # Asked before the port is tried: a broker that ends lets go of its port first.
            lingers = self._lingers()
            try:
                bind(HOST, port, instead=BY_SETTING).close()
                return
            except AddressUnusable as error:
                if not (error.taken and lingers) or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(LOOK_SECONDS)

    async def _announced(self, process: asyncio.subprocess.Process) -> str:
        if process.stdout is None:
            raise AssertionError("the broker's output is a pipe")
        line = (await process.stdout.readline()).decode(errors="replace").strip()
        _, _, url = line.partition(LISTENING)
        if not url:
            raise self._silent(f"ended with code {await process.wait()} before it listened")
        return url

    def _silent(self, what: str) -> BrokerDidNotStart:
        return BrokerDidNotStart(
            f"the broker's process {what}; it may have said why above, or does if it is started "
            f"alone: `waybill broker --data {self._data}`"
        )
