"""A line between two programs, which passes on what they say as long as a test lets it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

PIECE = 65536

Fate = Callable[[bytes], bytes | None]
"""What becomes of a piece that somebody said: these bytes arrive; ``None``: the line is cut."""


def arrives(piece: bytes) -> bytes:
    """It goes on as it is."""
    return piece


class Line:
    """Whoever connects to its port is connected with the port that ``behind`` names."""

    abrupt = False
    """Whether a connection that ends is torn down, and what is under way with it."""

    def __init__(self) -> None:
        self.port = 0
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address, for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def behind(self) -> int:
        """Where the next connection goes to."""
        raise NotImplementedError

    def fates(self) -> tuple[Fate, Fate]:
        """What becomes of the questions and of the answers of a new connection."""
        return arrives, arrives

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Take connections, on a free port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await self.drop()

    async def drop(self) -> None:
        """Cut every connection that is open."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        ends = [writer]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.behind())
            ends.append(back)
            asked, answered = self.fates()
            ways = [
                asyncio.ensure_future(_carry(reader, back, asked)),
                asyncio.ensure_future(_carry(there, writer, answered)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except ConnectionError:
            pass  # nobody is there: whoever asked hears of it by the end of his connection
        finally:
            self._open.discard(task)
            for end in ends:
                end.transport.abort() if self.abrupt else end.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate) -> None:
    while piece := await reader.read(PIECE):
        rest = fate(piece)
        if rest is None:
            return
        writer.write(rest)
        await writer.drain()
