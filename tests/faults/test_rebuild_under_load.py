"""Rebuilt and switched while others write and read: no read fails or goes backwards (F13)."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events.store import Append, EventStore, NewEvent, document_stream
from projections import PROJECTIONS
from projections.checking import digest, digest_of
from projections.documents import NAME, Documents
from projections.lookups import Lookups
from projections.past import folded
from projections.queues import MINUTE
from projections.runner import Runner
from projections.tables import create_tables
from tests.facts import life
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.projecting import OPEN, running
from tests.stores import DURABLE, everything

pytestmark = pytest.mark.anyio

ROUNDS = size(1, 10)
READS = 10_000
WRITERS = 16
APPENDS_A_SECOND = 1000
"""What is aimed at: who writes faster waits."""
AT_LEAST = size(0.5, 0.95)
"""The part of it that must be reached, with reading and folding in the same process."""
LOGGED = 30
PATIENCE_SECONDS = size(240, 1800)
SETTLE_SECONDS = 0.2


class Writers:
    """Documents that go through their lives, many at a time, until told to stop."""

    def __init__(self, store: EventStore) -> None:
        self.stopped = asyncio.Event()
        self.appended = 0
        self._store = store
        self._documents = 0
        self._began = 0.0

    async def write(self, documents: int | None = None) -> float:
        """Write so many documents, or until stopped; how many appends there were each second."""
        before, self._began = self.appended, time.monotonic()
        last = None if documents is None else self._documents + documents
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(self._write(last, before))
        return (self.appended - before) / (time.monotonic() - self._began)

    async def _write(self, last: int | None, before: int) -> None:
        while not self.stopped.is_set() and self._documents != last:
            self._documents += 1
            name = f"doc_{self._documents}"
            for version, fact in enumerate(life(name)):
                self.appended += 1
                event = NewEvent(
                    event_id=str(UUID(int=self.appended)),
                    fact=fact,
                    occurred_at=0,
                    correlation_id="c",
                )
                await self._store.append(
                    Append(stream=document_stream(name), expected=version, events=[event])
                )
                due = self._began + (self.appended - before) / APPENDS_A_SECOND
                await asyncio.sleep(due - time.monotonic())


@pytest.mark.parametrize("kind", list(OPEN))
async def test_no_read_fails_while_tables_are_replaced(tmp_path: Path, kind: str) -> None:
    clock = FakeClock()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        DURABLE[kind](tmp_path, clock) as store,
        OPEN[kind](tmp_path) as database,
    ):
        await database.write(create_tables)
        runners: list[Runner[Any]] = [
            Runner(
                projection,
                store=store,
                database=database,
                log=store.wakeup,
                clock=clock,
                settle_seconds=SETTLE_SECONDS,
            )
            for projection in PROJECTIONS
        ]
        writers = Writers(store)
        async with running(runners):
            await writers.write(LOGGED)
            lookups = Lookups(database, runners[0].applied, patience_seconds=PATIENCE_SECONDS)
            assert await lookups.reach(await store.head())
            writing = asyncio.create_task(writers.write())
            rebuilding = asyncio.create_task(_rebuild(runners))
            reads = [0]
            while not rebuilding.done() or reads[0] < READS:
                await _read(lookups, reads, now=clock.now)
            await rebuilding
            writers.stopped.set()
            rate = await writing
            assert await lookups.reach(await store.head())
            await _assert_tables(database, await everything(store))
    assert rate >= AT_LEAST * APPENDS_A_SECOND
    assert reads[0] >= READS


async def _rebuild(runners: list[Runner[Any]]) -> None:
    for _ in range(ROUNDS):
        for runner in runners:
            before = runner.builder.switched.head
            await runner.builder.request()
            while runner.builder.switched.head == before:
                assert runner.builder.failed is None
                await runner.builder.switched.wait_beyond(before)


async def _read(lookups: Lookups, reads: list[int], *, now: int) -> None:
    """A list, its documents, and the queue; each tells of at least as much as the one before."""
    page = await lookups.page(limit=5, before=None, status=(), owner=None)
    assert len(page.documents) == 5
    for listed in page.documents:
        tracked = await lookups.document(listed.document.id)
        assert tracked is not None and tracked.position >= listed.position
    queue = await lookups.queue(now=now, minutes=60)
    assert queue.position >= page.position
    assert queue.succeeded >= LOGGED
    assert [minute.minute for minute in queue.minutes] and now % MINUTE == 0
    reads[0] += 2 + len(page.documents)


async def _assert_tables(database: Any, log: list[Any]) -> None:
    def work(connection: Any) -> str:
        from projections.builds import source

        return digest(connection, source(connection, Documents()).table)

    states = folded(Documents(), log, upto=len(log))
    assert await database.read(work) == digest_of(Documents(), states), NAME
