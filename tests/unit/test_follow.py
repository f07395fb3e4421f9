"""Following the log: told of more than there is, a follower looks now and then, and no more."""

import asyncio

import pytest

from events import follow
from events.memory import MemoryEventStore
from events.store import PAGE, Recorded
from tests.fakes import FakeClock
from tests.stores import append

pytestmark = pytest.mark.anyio


class Counting(MemoryEventStore):
    """Counts how often it is read."""

    reads = 0

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        self.reads += 1
        await asyncio.sleep(0)  # a database would let others go on
        return await super().read_all(after=after, limit=limit)


async def test_a_hint_of_what_is_not_there_is_no_reason_to_look_without_rest(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 3600)
    store = Counting(clock)
    await store.append(append("a", 0, "one"))
    store.wakeup.announce(10)
    seen: list[int] = []

    async def read() -> None:
        async for page in follow.follow(store, after=0, wakeup=store.wakeup):
            seen.extend(event.position for event in page)

    task = asyncio.create_task(read())
    for _ in range(1000):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert seen == [1]
    assert store.reads == 3, "one for the event, one for what follows, one after the hint"
