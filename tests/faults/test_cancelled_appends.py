"""Clients go away in the middle of their appends: nobody hangs, and every answer is true (F15)."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.store import ANY, Append, Appended
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.stores import STORES, Log, append, assert_whole, everything

pytestmark = pytest.mark.anyio

APPENDS = 10_000
WRITERS = 100
IMPATIENT = 0.2
"""The share of appends whose caller does not wait for the answer."""
SECONDS = 300
"""Much longer than it takes: who reaches this hangs."""


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    async with STORES[request.param](tmp_path, clock) as store:
        yield store


class Clients:
    """Writers with a stream each, who remember what they were told."""

    def __init__(self, store: Log, chance: random.Random) -> None:
        self.told: dict[str, Appended] = {}
        """What was acknowledged, by event id."""
        self.left: set[str] = set()
        """Appends whose outcome nobody heard, by event id."""
        self.cancelled = 0
        self._store = store
        self._chance = chance

    async def write(self, stream: str, count: int) -> None:
        version = 0
        for _ in range(count):
            wanted = append(stream, version, "x")
            event_id = wanted.events[0].event_id
            appended = await self._append(wanted)
            if appended is not None:
                self.told[event_id] = appended
                version = appended.version
            else:
                self.left.add(event_id)
                version = await self._version(stream)

    async def _append(self, wanted: Append) -> Appended | None:
        if self._chance.random() >= IMPATIENT:
            return await self._store.append(wanted)
        self.cancelled += 1
        task = asyncio.create_task(self._store.append(wanted))
        for _ in range(self._chance.choice((0, 1, 2, 3, 5, 8, 13))):
            await asyncio.sleep(0)
        task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None

    async def _version(self, stream: str) -> int:
        """Where the stream is once everything that was on its way has arrived."""
        # Appends are written in order: what was staged before this one is there after it.
        await self._store.append(append(f"{stream}-asks", ANY, "x"))
        return len(await self._store.read_stream(stream))


@pytest.mark.parametrize("seed", range(size(1, 10)))
async def test_every_answer_is_true_and_nobody_hangs(store: Log, seed: int) -> None:
    clients = Clients(store, random.Random(seed))

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(
            *[clients.write(f"s{number}", APPENDS // WRITERS) for number in range(WRITERS)]
        )

    log = await everything(store)
    assert_whole(log)
    stored = {event.event_id: event for event in log if not event.stream.endswith("-asks")}
    for event_id, appended in clients.told.items():
        assert stored[event_id].position == appended.first == appended.last
        assert stored[event_id].version == appended.version
    assert stored.keys() - clients.told.keys() <= clients.left
    assert len(clients.told) + len(clients.left) == APPENDS
    assert clients.cancelled > APPENDS * IMPATIENT * 0.9
    assert clients.left
