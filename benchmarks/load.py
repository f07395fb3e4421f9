"""Uploads documents, so many at once, and waits until each has ended."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

import msgspec

from benchmarks.http_client import Connection, accepted, connected
from benchmarks.watcher import Seen, Watcher, watching


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One document's way, in seconds."""

    answered: float
    """From the first byte of the upload to the 202."""
    recorded: float
    """From the registration in the log to the end in the log: what the service itself needs."""
    seen: float
    """From the first byte of the upload to the end, as the feed showed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All documents' ways, and how long it took in all."""

    trips: Sequence[Trip]
    seconds: float

    @property
    def rate(self) -> float:
        """Documents a second."""
        return len(self.trips) / self.seconds


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Accepted(msgspec.Struct, frozen=True):
    document: _Id


_ACCEPTED = msgspec.json.Decoder(_Accepted)


async def upload_all(
    url: str, documents: Sequence[bytes], *, in_flight: int, processor: str
) -> Run:
    """A place is free again only when its document has been seen to succeed."""
    target = f"/v1/documents?name=letter.pdf&processor={processor}"
    waiting = iter(documents)
    trips: list[Trip] = []
    async with AsyncExitStack() as stack:
        watcher = await stack.enter_async_context(watching(url))
        connections = [await stack.enter_async_context(connected(url)) for _ in range(in_flight)]
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for connection in connections:
                tasks.create_task(_upload(connection, watcher, target, waiting, trips))
        seconds = time.perf_counter() - began
    return Run(trips=trips, seconds=seconds)


def document_id_of(body: bytes) -> str:
    """The id in the answer to an upload."""
    return _ACCEPTED.decode(body).document.id


async def _upload(
    connection: Connection,
    watcher: Watcher,
    target: str,
    waiting: Iterator[bytes],
    trips: list[Trip],
) -> None:
    for document in waiting:
        began = time.perf_counter()
        document_id = accepted(await connection.post(target, document), document_id_of)
        answered = time.perf_counter()
        seen, ended = await watcher.end_of(document_id, status="succeeded")
        trips.append(
            Trip(answered=answered - began, recorded=_seconds_in_log(seen), seen=ended - began)
        )


def _seconds_in_log(seen: Seen) -> float:
    created, updated = (datetime.fromisoformat(at) for at in (seen.created_at, seen.updated_at))
    return (updated - created).total_seconds()
