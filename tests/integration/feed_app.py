"""The feed on a real server with a real projection behind it, and documents at our command."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import httpx
import uvicorn
from litestar import Litestar
from litestar.di import Provide

from events.document.facts import (
    Cancelled,
    DocumentEvent,
    DocumentRegistered,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    Requeued,
)
from events.memory import MemoryEventStore
from events.sqlite import SqliteDatabase, open_sqlite
from events.store import Append, NewEvent, document_stream
from projections.documents import Documents
from projections.reads import DocumentReads
from projections.runner import Runner
from projections.tables import create_tables
from service.clock import jitter
from service.feed.hub import Hub
from service.feed.limits import FeedLimits
from service.web.dashboard import page_routes
from service.web.feed import feed_routes
from service.web.problems import to_response
from tests.fakes import FakeClock

QUICK = FeedLimits(tick=(0.001, 0.005), drain=0.2, retry=(20, 40))


class FeedWorld:
    """A log, its documents projection, the hub, and a server on a port of its own."""

    def __init__(self, database: SqliteDatabase, limits: FeedLimits, epoch: str) -> None:
        self.store = MemoryEventStore(FakeClock(), epoch=epoch)
        self.hub = Hub(
            DocumentReads(database=database, store=self.store),
            epoch=epoch,
            limits=limits,
            clock=FakeClock(),
            elapsed=time.monotonic,
            jitter=jitter,
        )
        self.runner = Runner(
            Documents(),
            store=self.store,
            database=database,
            log=self.store.wakeup,
            clock=FakeClock(),
            on_applied=self.hub.hear,
        )
        self.app = Litestar(
            route_handlers=[*feed_routes, *page_routes],
            dependencies={
                "rooms": Provide(lambda: SimpleNamespace(hub=self.hub), sync_to_thread=False)
            },
            exception_handlers={Exception: to_response},
        )
        self.url = ""
        self._versions: dict[str, int] = {}
        self._ids = count(1)

    async def happened(self, *facts: DocumentEvent) -> int:
        """Append these facts of one document, and wait until the tables tell them."""
        document_id = facts[0].document_id
        events = [
            NewEvent(
                event_id=str(UUID(int=next(self._ids))),
                fact=fact,
                occurred_at=0,
                correlation_id=document_id,
            )
            for fact in facts
        ]
        version = self._versions.get(document_id, 0)
        appended = await self.store.append(
            Append(stream=document_stream(document_id), expected=version, events=events)
        )
        self._versions[document_id] = appended.version
        while self.runner.position < appended.last:
            await self.runner.applied.wait_beyond(appended.last - 1)
        return appended.last

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False) as client:
            yield client


@asynccontextmanager
async def feed_world(
    folder: Path, *, limits: FeedLimits = QUICK, epoch: str = "k3f9"
) -> AsyncIterator[FeedWorld]:
    async with open_sqlite(folder / "read.db", durability="relaxed") as database:
        await database.write(create_tables)
        world = FeedWorld(database, limits, epoch)
        await world.runner.prepare()
        tasks = [asyncio.create_task(world.runner.run()), asyncio.create_task(world.hub.run())]
        async with _served(world.app) as port:
            world.url = f"http://127.0.0.1:{port}"
            yield world
            await world.hub.drain()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _served(app: Litestar) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


def registered(document_id: str, *, owner: str = "ann", name: str = "a.pdf") -> DocumentEvent:
    return DocumentRegistered(
        document_id=document_id,
        sha256="00",
        bytes=1,
        content_type="application/pdf",
        blob_ref=f"blobs/{document_id}",
        name=name,
        owner=owner,
        source="upload",
        processor="pdf-text",
        received_at=0,
    )


def started(document_id: str) -> DocumentEvent:
    return ProcessingStarted(
        document_id=document_id,
        run=1,
        attempt=1,
        attempt_id="attempt-1",
        message_id="m1",
        retried=0,
        lease_until=1,
        waited_ms=1,
        node="n",
        code_version="1",
    )


def progress(document_id: str, done: int, total: int = 10) -> DocumentEvent:
    return ProgressReported(
        document_id=document_id,
        attempt_id="attempt-1",
        step="text",
        pages_done=done,
        pages_total=total,
        lease_until=1,
    )


def succeeded(document_id: str) -> DocumentEvent:
    return ProcessingSucceeded(
        document_id=document_id,
        run=1,
        attempt=1,
        attempt_id="attempt-1",
        result_ref="results/1",
        pages=10,
        characters=1,
        text_sha256="00",
        duration_ms=1,
        late=False,
    )


def cancelled(document_id: str) -> DocumentEvent:
    return Cancelled(document_id=document_id, run=1)


def requeued(document_id: str) -> DocumentEvent:
    return Requeued(
        document_id=document_id,
        run=2,
        by="ann",
        reason="again",
        from_status="succeeded",
        requested_at=0,
        via="api",
    )


async def until(fact: Callable[[], bool]) -> None:
    """Let everybody else run until this is so."""
    async with asyncio.timeout(20):
        for _ in count():
            if fact():
                return
            await asyncio.sleep(0)
