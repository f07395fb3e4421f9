"""The line between a node and PostgreSQL, which breaks just before or just after a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Cut = Literal["before", "after"]

COMMIT = b"COMMIT\x00"
PIECE = 65536


class CuttingProxy:
    """Passes everything on; the next commit after ``next_cut`` was set ends the connection.

    ``before``: PostgreSQL never hears of it. ``after``: it is done, and nobody hears the answer.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.next_cut: Cut | None = None
        self.cuts = 0
        self._behind = port
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["CuttingProxy"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
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
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        lost = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._asked(reader, back, lost)),
            asyncio.ensure_future(self._answered(there, writer, lost)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(task)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for one in (writer, back):
                one.transport.abort()

    async def _asked(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while piece := await reader.read(PIECE):
            if piece.endswith(COMMIT) and self.next_cut is not None:
                cut, self.next_cut = self.next_cut, None
                self.cuts += 1
                if cut == "before":
                    return
                lost.set()
            back.write(piece)
            await back.drain()

    async def _answered(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while piece := await there.read(PIECE):
            if lost.is_set():
                return
            writer.write(piece)
            await writer.drain()
