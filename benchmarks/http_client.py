"""A small HTTP/1.1 client that leaves the processor to the server: one request at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import urlsplit

BLOCK = 256 * 1024
LONGEST_HEAD = 64 * 1024
ANSWER_SECONDS = 120.0


class UnexpectedAnswer(RuntimeError):
    """The server did not answer as the benchmark needs it to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes


class Connection:
    """A connection that is kept between requests."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        headers: Mapping[str, str],
    ) -> None:
        self._reader = reader
        self._writer = writer
        fields = {"Host": host, **headers}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    async def post(self, target: str, body: bytes, content_type: str = "application/pdf") -> Answer:
        """Send a body that fits into memory."""
        self._writer.write(self._head("POST", target, content_type, len(body)) + body)
        return await self._answer()

    async def post_file(self, target: str, file: BinaryIO, size: int) -> Answer:
        """Send an open file of this size, block by block."""
        self._writer.write(self._head("POST", target, "application/pdf", size))
        while block := file.read(BLOCK):
            self._writer.write(block)
            await self._writer.drain()
        return await self._answer()

    async def get(self, target: str) -> Answer:
        """Ask for a body that fits into memory."""
        self._writer.write(self._head("GET", target, "", 0))
        return await self._answer()

    async def stream(self, target: str) -> AsyncIterator[bytes]:
        """The pieces of an answer without an end, as they come."""
        self._writer.write(self._head("GET", target, "", 0))
        status, headers = await self._status_and_headers()
        if status != 200 or headers.get("transfer-encoding") != "chunked":
            raise UnexpectedAnswer(f"GET {target} answered {status} with {headers}")
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]

    def _head(self, method: str, target: str, content_type: str, length: int) -> bytes:
        declared = f"Content-Type: {content_type}\r\n" if content_type else ""
        return (
            f"{method} {target} HTTP/1.1\r\n{self._fields}{declared}"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()

    async def _answer(self) -> Answer:
        async with asyncio.timeout(ANSWER_SECONDS):
            status, headers = await self._status_and_headers()
            length = int(headers.get("content-length", "0"))
            return Answer(status, await self._reader.readexactly(length))

    async def _status_and_headers(self) -> tuple[int, Mapping[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *fields = head[:-4].split("\r\n")
        pairs = (field.partition(":") for field in fields)
        return int(status.split(" ", 2)[1]), {
            name.lower(): value.strip() for name, _, value in pairs
        }


@asynccontextmanager
async def connected(
    url: str, headers: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Connection]:
    """A connection to the server at this address, with these headers in each request."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=LONGEST_HEAD)
    try:
        yield Connection(reader, writer, parts.netloc, headers)
    finally:
        writer.close()


def accepted(answer: Answer, read: Callable[[bytes], str]) -> str:
    """What a 202 says; anything else ends the benchmark with the server's own words."""
    if answer.status != 202:
        raise UnexpectedAnswer(f"the server answered {answer.status}: {answer.body[:500]!r}")
    return read(answer.body)
