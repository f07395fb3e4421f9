"""Many want the same version of the same streams at once: one wins each, nobody is lost (F3)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.errors import Conflict
from events.store import Append, Appended
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.stores import STORES, Log, append, assert_whole, everything

pytestmark = pytest.mark.anyio

RACERS = 20
STREAMS = 50
ROUNDS = size(1, 50)


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    async with STORES[request.param](tmp_path, clock) as store:
        yield store


async def test_of_all_who_want_a_version_one_wins_and_the_others_hear_so(store: Log) -> None:
    for version in range(ROUNDS):
        # Round the streams, so that the racers for one of them meet in many different commits.
        wanted = [append(f"s{n % STREAMS}", version, "x") for n in range(RACERS * STREAMS)]
        outcomes = await asyncio.gather(*[_try(store, one) for one in wanted])

        won = Counter(one.stream for one, won in zip(wanted, outcomes, strict=True) if won)
        assert won == {f"s{n}": 1 for n in range(STREAMS)}

        stored = {event.event_id for event in await everything(store) if event.version > version}
        winners = [one for one, won in zip(wanted, outcomes, strict=True) if won]
        assert stored == {event.event_id for one in winners for event in one.events}
    assert_whole(await everything(store))


async def test_racers_that_load_and_try_again_all_get_in(store: Log) -> None:
    async def insist(number: int) -> Appended:
        while True:
            version = len(await store.read_stream("a"))
            try:
                return await store.append(append("a", version, f"{number}"))
            except Conflict:
                await asyncio.sleep(0)

    async with asyncio.timeout(60):
        written = await asyncio.gather(*[insist(number) for number in range(RACERS)])

    assert sorted(one.version for one in written) == list(range(1, RACERS + 1))
    assert_whole(await everything(store))


async def _try(store: Log, wanted: Append) -> bool:
    try:
        return isinstance(await store.append(wanted), Appended)
    except Conflict:
        return False
