"""Sees documents end, through one connection to the feed, as a page would."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from benchmarks.http_client import Connection, UnexpectedAnswer, connected

FEED = "/v1/feed/all"


class Seen(msgspec.Struct, frozen=True):
    """What the feed tells of a document; the times are the log's."""

    id: str
    status: str
    final: bool
    created_at: str
    updated_at: str
    error: str | None = None


class _Snapshot(msgspec.Struct, frozen=True):
    docs: list[Seen]


_SEEN = msgspec.json.Decoder(Seen)
_SNAPSHOT = msgspec.json.Decoder(_Snapshot)


class Watcher:
    """Tells when a document has ended, and at which moment this was seen."""

    def __init__(self) -> None:
        self.listening = asyncio.Event()
        self._ended: dict[str, tuple[Seen, float]] = {}
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def end_of(self, document_id: str, *, status: str) -> tuple[Seen, float]:
        """Wait for a document's end, which has to be this one."""
        if document_id not in self._ended:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[document_id] = future
            await future
        seen, moment = self._ended.pop(document_id)
        if seen.status != status:
            raise UnexpectedAnswer(f"document {seen.id} ended as {seen.status}: {seen.error}")
        return seen, moment

    async def listen(self, connection: Connection) -> None:
        """Read the feed until it is cancelled."""
        rest = b""
        async for piece in connection.stream(FEED):
            *messages, rest = (rest + piece).split(b"\n\n")
            for message in messages:
                self._hear(message)
        raise ConnectionError("the feed ended before the benchmark did")

    def _hear(self, message: bytes) -> None:
        fields = dict(_field(line) for line in message.splitlines())
        match fields.get(b"event"):
            case b"hello":
                self.listening.set()
            case b"status":
                self._note([_SEEN.decode(fields[b"data"])])
            case b"snapshot":
                self._note(_SNAPSHOT.decode(fields[b"data"]).docs)

    def _note(self, documents: Sequence[Seen]) -> None:
        now = time.perf_counter()
        for seen in documents:
            if seen.final:
                self._ended[seen.id] = (seen, now)
                future = self._waiting.pop(seen.id, None)
                if future is not None and not future.done():
                    future.set_result(None)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b": ")
    return name, value


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watcher]:
    """Listen to the feed of this server while the context is open."""
    watcher = Watcher()
    async with connected(url) as connection, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(watcher.listen(connection))
        await watcher.listening.wait()
        yield watcher
        listening.cancel()
