"""The network between a server and its QStash, when it carries requests and loses the answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE = 65536


class Proxy:
    """Passes every byte on; answers only once it is told to."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._passing = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    def pass_answers(self) -> None:
        """From now on nothing is lost any more."""
        self._passing.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        lost = not self._passing.is_set()
        ways = (
            asyncio.create_task(_copy(reader, behind_writer)),
            asyncio.create_task(_copy(behind_reader, None if lost else writer)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(task)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for one in (writer, behind_writer):
                one.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None) -> None:
    while piece := await reader.read(PIECE):
        if writer is not None:
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def answers_lost(port: int) -> AsyncIterator[Proxy]:
    """A way to this port on which answers are lost, until ``pass_answers``."""
    async with Proxy(port).listening() as proxy:
        yield proxy
