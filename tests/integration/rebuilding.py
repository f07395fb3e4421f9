"""A projection at work over a log that is at hand, and asked to make its table anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from events.database import Database
from events.memory import MemoryEventStore
from events.store import Append, NewEvent, document_stream
from projections import builds
from projections.documents import NAME
from projections.runner import Runner
from tests.facts import interleaved, life
from tests.fakes import FakeClock
from tests.projecting import running

PATIENCE_SECONDS = 60
FACTS = interleaved([life(f"d{number}") for number in range(15)])


def runner_of(projection: Any, store: MemoryEventStore, database: Database, **more: Any) -> Any:
    settled = {"settle_seconds": 0, "clock": FakeClock(), **more}
    return Runner(projection, store=store, database=database, log=store.wakeup, **settled)


@asynccontextmanager
async def at_work(runner: Any, store: MemoryEventStore) -> AsyncIterator[Any]:
    """The runner, once it has reached the end of the log."""
    async with asyncio.timeout(PATIENCE_SECONDS), running([runner]):
        await caught_up(runner, await store.head())
        yield runner


async def caught_up(runner: Runner[Any], head: int) -> None:
    while runner.position < head:
        await runner.applied.wait_beyond(runner.position)


async def switched(runner: Runner[Any]) -> None:
    """Ask for a new build, and wait until it is read."""
    before = runner.builder.switched.head
    await runner.builder.request()
    while runner.builder.switched.head == before and runner.builder.failed is None:
        await runner.builder.switched.wait_beyond(before)


async def append_all(store: MemoryEventStore, facts: list[Any]) -> dict[str, int]:
    """Append these one by one; the version that each document reaches."""
    versions: dict[str, int] = {}
    for number, fact in enumerate(facts):
        stream = document_stream(fact.document_id)
        version = len(await store.read_stream(stream))
        new = NewEvent(
            event_id=str(UUID(int=2**70 + number)), fact=fact, occurred_at=0, correlation_id="c"
        )
        await store.append(Append(stream=stream, expected=version, events=[new]))
        versions[fact.document_id] = version + 1
        await asyncio.sleep(0)
    return versions


def known(connection: Connection) -> list[tuple[int, int, str]]:
    return [(one.version, one.build, one.state) for one in builds.known(connection, NAME)]
