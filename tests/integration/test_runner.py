"""Projections in a database: rows and checkpoint move together, whoever dies or races."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from events.database import Database
from events.document.facts import DocumentEvent
from events.memory import MemoryEventStore
from events.postgres import open_postgres
from events.sqlite import open_sqlite
from events.store import Append, NewEvent, document_stream
from projections import PROJECTIONS, lookups
from projections.queues import MINUTE
from projections.runner import Runner
from projections.tables import create_tables
from tests.facts import interleaved, life, published, registered, started, succeeded
from tests.fakes import FakeClock
from tests.postgres import database_of
from tests.projecting import running

pytestmark = pytest.mark.anyio

T = TypeVar("T")
Rows = dict[str, list[tuple[Any, ...]]]

STORIES = [life(f"d{number}") for number in range(12)]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a path stands for is told by how it ends."""
    found: str = request.param
    return found


def opened(path: Path) -> AbstractAsyncContextManager[Database]:
    if path.suffix == ".postgresql":
        return open_postgres(database_of(path), "read", durability="relaxed")
    return open_sqlite(path, durability="relaxed")


@pytest.fixture
def store(clock: FakeClock) -> MemoryEventStore:
    return MemoryEventStore(clock)


async def tell(store: MemoryEventStore, facts: list[DocumentEvent]) -> int:
    """Append these facts; the position reached."""
    for number, fact in enumerate(facts):
        stream = document_stream(fact.document_id)
        version = len(await store.read_stream(stream))
        new = NewEvent(event_id=str(UUID(int=number)), fact=fact, occurred_at=0, correlation_id="c")
        await store.append(Append(stream=stream, expected=version, events=[new]))
    return await store.head()


@asynccontextmanager
async def projected(
    path: Path, store: MemoryEventStore, runners_of_each: int = 1
) -> AsyncIterator[list[Runner[Any]]]:
    """Runners of every projection over one database, at work."""
    async with opened(path) as database:
        await database.write(create_tables)
        projections = [one for one in PROJECTIONS for _ in range(runners_of_each)]
        runners = [runner_of(one, store, database) for one in projections]
        async with running(runners):
            yield runners


def runner_of(projection: Any, store: MemoryEventStore, database: Any) -> Runner[Any]:
    return Runner(
        projection,
        store=store,
        database=database,
        log=store.wakeup,
        clock=FakeClock(),
        settle_seconds=0,
    )


async def reached(runners: list[Runner[Any]], position: int) -> None:
    async with asyncio.timeout(20):
        for runner in runners:
            while runner.position < position:
                await runner.applied.wait_beyond(runner.position)


async def rows(path: Path) -> Rows:
    """Everything in the tables."""

    def work(connection: Connection) -> Rows:
        names = [f"{one.name}_v{one.version}" for one in PROJECTIONS]
        return {
            name: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {name}"))))
            for name in [*names, "projection_builds"]
        }

    async with opened(path) as database:
        return await database.read(work)


async def test_tables_that_are_deleted_come_back_the_same(
    kind: str, tmp_path: Path, store: MemoryEventStore
) -> None:
    live, rebuilt = tmp_path / f"live.{kind}", tmp_path / f"rebuilt.{kind}"
    async with projected(live, store) as runners:
        for story in STORIES:
            await reached(runners, await tell(store, story))  # one page after the other
    async with projected(rebuilt, store) as runners:
        await reached(runners, await store.head())  # everything at once

    assert await rows(rebuilt) == await rows(live)
    assert len((await rows(live))["documents_v1"]) == len(STORIES)


async def test_a_runner_goes_on_at_its_checkpoint(
    kind: str, tmp_path: Path, store: MemoryEventStore
) -> None:
    path, whole = tmp_path / f"read.{kind}", tmp_path / f"whole.{kind}"
    facts = interleaved(STORIES)
    for part in (facts[:30], facts[30:31], facts[31:]):
        head = await tell(store, part)
        async with projected(path, store) as runners:
            await reached(runners, head)

    async with projected(whole, store) as runners:
        await reached(runners, head)
    assert await rows(path) == await rows(whole)


async def test_two_runners_on_one_database_never_apply_an_event_twice(
    kind: str, tmp_path: Path, store: MemoryEventStore
) -> None:
    shared, alone = tmp_path / f"shared.{kind}", tmp_path / f"alone.{kind}"
    async with projected(shared, store, runners_of_each=2) as runners:
        for story in STORIES:
            await tell(store, story)
            await asyncio.sleep(0)
        await reached(runners, await store.head())
    async with projected(alone, store) as runners:
        await reached(runners, await store.head())

    assert await rows(shared) == await rows(alone)


async def test_the_queue_tells_how_long_documents_waited_and_were_worked_on(
    kind: str, tmp_path: Path, store: MemoryEventStore, clock: FakeClock
) -> None:
    stories = [
        event
        for number in range(1, 101)
        for event in (
            registered(f"d{number}"),
            *published(f"d{number}"),
            *started(f"d{number}", waited_ms=30 * number),
            succeeded(f"d{number}", duration_ms=200 * number),
        )
    ]
    async with opened(tmp_path / f"read.{kind}") as database:
        await database.write(create_tables)
        runners = [runner_of(one, store, database) for one in PROJECTIONS]
        async with running(runners):
            await reached(runners, await tell(store, stories))
            asked = lookups.Lookups(database, runners[0].applied)
            queue = await asked.queue(now=clock.now, minutes=60)

    assert queue.waiting_p50_ms == pytest.approx(1_500, rel=0.1)
    assert queue.waiting_p95_ms == pytest.approx(2_850, rel=0.1)
    assert queue.processing_p50_ms == pytest.approx(10_000, rel=0.1)
    assert queue.processing_p95_ms == pytest.approx(19_000, rel=0.1)


async def test_the_queue_tells_what_waits_what_runs_and_how_long_it_took(
    kind: str, tmp_path: Path, store: MemoryEventStore, clock: FakeClock
) -> None:
    async with opened(tmp_path / f"read.{kind}") as database:
        await database.write(create_tables)
        runners = [runner_of(one, store, database) for one in PROJECTIONS]
        async with running(runners):
            await tell(store, life("done"))
            clock.advance(60)
            head = await tell(store, [*life("waits")[:3], *life("runs")[:5], *life("retries")[:7]])
            await reached(runners, head)

            asked = lookups.Lookups(database, runners[0].applied)
            queue = await asked.queue(now=clock.now, minutes=60)
            latest = await asked.queue(now=clock.now, minutes=1)

    assert queue.position == head
    assert (queue.waiting, queue.in_flight, queue.retrying) == (1, 1, 1)
    assert (queue.succeeded, queue.failed, queue.cancelled) == (1, 0, 0)
    assert queue.oldest_waiting_id == "waits"
    assert [minute.received for minute in queue.minutes] == [3, 1]
    assert [minute.received for minute in latest.minutes] == [3]
    assert queue.waiting_p95_ms is not None
    assert abs(queue.waiting_p95_ms - 900) <= 90
    assert clock.now % MINUTE == 0
