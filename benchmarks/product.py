"""The measured product: `waybill serve` with its own folder, and what its processes hold."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from benchmarks.session import Session
from service.commands.child import Server, started

DURABILITY = (
    "default: a 202 after fsync of the object and of its folder and a commit with "
    "synchronous=FULL; every event, every queued message and every result likewise"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A server that listens, and how long that took."""

    server: Server
    seconds_to_listening: float

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.server.url

    def processes(self) -> list[psutil.Process]:
        """The service first, then its workers and its broker if that has a process."""
        service = psutil.Process(self.server.process.pid)
        return [service, *service.children(recursive=True)]


@asynccontextmanager
async def serving(session: Session) -> AsyncIterator[Product]:
    """A product over an empty folder; it is stopped behind the measurement."""
    folder = session.lasting_folder()
    began = time.perf_counter()
    async with started(data=folder, port=0, settings=session.settings) as server:
        yield Product(server=server, seconds_to_listening=time.perf_counter() - began)
