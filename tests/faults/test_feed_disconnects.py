"""Many clients that hang up all the time miss nothing and hear nothing twice (F17)."""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from events.document.facts import DocumentEvent
from service.feed.limits import FeedLimits
from tests.faults.feed_listener import Listener, Truth
from tests.faults.sizes import size
from tests.integration.feed_app import (
    FeedWorld,
    feed_world,
    progress,
    registered,
    started,
    succeeded,
    until,
)

pytestmark = pytest.mark.anyio

CLIENTS = 200
DISCONNECTS = size(ci=1_000, nightly=25_000)
OWNERS = ("ann", "bob", "eve")
AT_WORK = 12
PAGES = 3
HANG_UPS_PER_DOCUMENT = 4
SECONDS = size(ci=120.0, nightly=1_800.0)

LIMITS = FeedLimits(tick=(0.001, 0.02), drain=0.2, beat=0.1, retry=(20, 40), replay=1_000_000)


class Life:
    """Documents that come, are worked on and end, one for every few that hang up."""

    def __init__(self, world: FeedWorld, truth: Truth) -> None:
        self._world = world
        self._truth = truth
        self._numbers = iter(range(1_000_000))

    async def go_on(self, hung_up: Callable[[], int]) -> None:
        """Live one document after the other."""
        number = next(self._numbers)
        while hung_up() < DISCONNECTS:
            if number * HANG_UPS_PER_DOCUMENT > hung_up():
                await asyncio.sleep(0.005)
                continue
            for facts in _life(f"d{number}", OWNERS[number % len(OWNERS)]):
                position = await self._world.happened(*facts)
                self._truth.changed(f"d{number}", position)
            number = next(self._numbers)


def _life(document_id: str, owner: str) -> Iterator[tuple[DocumentEvent, ...]]:
    yield (registered(document_id, owner=owner),)
    yield (started(document_id), progress(document_id, 1))
    for page in range(2, PAGES + 1):
        yield (progress(document_id, page),)
    yield (succeeded(document_id),)


def _listeners(world: FeedWorld, truth: Truth, chance: random.Random) -> list[Listener]:
    """A tenth follows everything; the others a few documents, most of which are still to come."""
    found = []
    for number in range(CLIENTS):
        some = frozenset(f"d{one}" for one in chance.sample(range(60), 3))
        everything = number % 10 == 0
        path = "/v1/feed/all" if everything else "/v1/feed?doc=" + "&doc=".join(sorted(some))
        own = random.Random(chance.random())
        found.append(Listener(world.url, path, None if everything else some, truth, own))
    return found


async def test_whoever_hangs_up_misses_nothing_and_hears_nothing_twice(tmp_path: Path) -> None:
    truth = Truth()
    async with feed_world(tmp_path, limits=LIMITS) as world:
        listeners = _listeners(world, truth, random.Random(0))
        life = Life(world, truth)

        def hung_up() -> int:
            return sum(one.hung_up for one in listeners)

        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
            following = [tasks.create_task(one.follow()) for one in listeners]
            await asyncio.gather(*[life.go_on(hung_up) for _ in range(AT_WORK)])
            for one in listeners:
                one.patient = True
            await until(lambda: all(one.knows_everything() for one in listeners))
            for task in following:
                task.cancel()

    assert hung_up() >= DISCONNECTS
    assert len(truth.newest) > 60, "there was hardly anything to miss"
