"""The promise of ``events/store.py``, kept by every store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.chain import GENESIS
from events.codec import MAX_EVENT_BYTES
from events.errors import Conflict, InvalidEvent
from events.follow import follow
from events.store import Appended, Recorded
from tests.fakes import FakeClock
from tests.stores import STORES, Log, append, assert_whole, everything, said

pytestmark = pytest.mark.anyio

WRITERS = 64
RACERS = 20


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    async with STORES[request.param](tmp_path, clock) as store:
        yield store


async def test_an_empty_log_is_at_zero(store: Log) -> None:
    assert await store.head() == 0
    assert await store.read_all(after=0) == []
    assert await store.read_stream("nobody") == []


async def test_what_was_appended_is_read_back_as_it_was(store: Log, clock: FakeClock) -> None:
    wanted = append("a", 0, "one", "two")

    appended = await store.append(wanted)

    read = await store.read_all(after=0)
    assert (appended.first, appended.last, appended.version) == (1, 2, 2)
    assert list(appended.recorded) == read
    assert [event.fact for event in read] == [event.fact for event in wanted.events]
    assert [event.event_id for event in read] == [event.event_id for event in wanted.events]
    assert {event.recorded_at for event in read} == {clock.now}
    assert {event.occurred_at for event in read} == {7}
    assert {event.meta["node"] for event in read} == {"test"}
    assert await store.read_stream("a") == read
    assert await store.read_stream("a", after=1) == read[1:]
    assert await store.head() == 2


@pytest.mark.parametrize("expected", [0, 1, 3, 99])
async def test_an_append_at_another_version_is_a_conflict_and_writes_nothing(
    store: Log, expected: int
) -> None:
    await store.append(append("a", 0, "one", "two"))

    with pytest.raises(Conflict) as refused:
        await store.append(append("a", expected, "three", "four"))

    assert (refused.value.expected, refused.value.actual) == (expected, 2)
    assert said(await everything(store)) == ["one", "two"]


async def test_a_stream_that_does_not_exist_is_at_version_zero(store: Log) -> None:
    with pytest.raises(Conflict) as refused:
        await store.append(append("a", 1, "one"))

    assert refused.value.actual == 0


async def test_streams_have_versions_of_their_own_and_share_the_positions(store: Log) -> None:
    for number in range(3):
        await store.append(append("a", number, f"a{number}"))
        await store.append(append("b", number, f"b{number}"))

    log = await everything(store)

    assert said(log) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert said(await store.read_stream("b")) == ["b0", "b1", "b2"]
    assert_whole(log)


async def test_positions_are_dense_under_many_writers(store: Log) -> None:
    async def write(number: int) -> list[Appended]:
        return [await store.append(append(f"s{number}", n * 2, "x", "y")) for n in range(4)]

    written = await asyncio.gather(*[write(number) for number in range(WRITERS)])

    log = await everything(store)
    assert len(log) == WRITERS * 4 * 2
    assert_whole(log)
    positions = [(one.first, one.last) for appended in written for one in appended]
    assert all(last == first + 1 for first, last in positions)
    assert len(set(positions)) == WRITERS * 4


async def test_of_many_racers_exactly_one_wins_each_version(store: Log) -> None:
    for version in range(10):
        racers = [store.append(append("a", version, f"{version}")) for _ in range(RACERS)]
        outcomes = await asyncio.gather(*racers, return_exceptions=True)

        assert sum(isinstance(one, Appended) for one in outcomes) == 1
        assert sum(isinstance(one, Conflict) for one in outcomes) == RACERS - 1

    assert said(await everything(store)) == [str(version) for version in range(10)]


async def test_the_time_of_recording_never_goes_back_when_the_clock_does(
    store: Log, clock: FakeClock
) -> None:
    await store.append(append("a", 0, "now"))
    clock.advance(-3600)
    await store.append(append("a", 1, "an hour ago"))
    clock.advance(7200)
    await store.append(append("a", 2, "an hour on"))

    times = [event.recorded_at for event in await everything(store)]

    assert times[0] == times[1] < times[2]


async def test_pages_follow_each_other_without_gap_or_repeat(store: Log) -> None:
    await store.append(append("a", 0, *map(str, range(25))))

    pages = [await store.read_all(after=after, limit=10) for after in (0, 10, 20, 25)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert said([event for page in pages for event in page]) == [str(n) for n in range(25)]


async def test_each_event_seals_all_that_came_before_it(store: Log) -> None:
    for number in range(5):
        await store.append(append("a", number * 2, "x", "y"))

    log = await everything(store)

    assert_whole(log)
    assert len({event.chain for event in log} | {GENESIS}) == 11
    forged = [*log[:4], log[5], log[4], *log[6:]]
    with pytest.raises(AssertionError):
        assert_whole(forged)


async def test_a_follower_sees_everything_once_and_in_order_while_it_is_written(
    store: Log,
) -> None:
    total = 200
    await store.append(append("before", 0, *map(str, range(20))))

    async def seen(after: int) -> list[Recorded]:
        found: list[Recorded] = []
        async for page in follow(store, after=after, wakeup=store.wakeup, limit=7):
            found.extend(page)
            if found[-1].position == total:
                return found
        raise AssertionError("a follower never ends by itself")

    async def write(stream: str) -> None:
        for number in range(45):
            await store.append(append(stream, number, f"{stream}{number}"))

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        followers = [tasks.create_task(seen(after)) for after in (0, 0, 13, 20)]
        for stream in "abcd":
            tasks.create_task(write(stream))

    log = await everything(store)
    assert_whole(log)
    assert [task.result() for task in followers] == [log, log, log[13:], log[20:]]


async def test_an_event_that_is_too_large_is_refused_alone(store: Log) -> None:
    large = "x" * (MAX_EVENT_BYTES + 1)

    outcomes = await asyncio.gather(
        store.append(append("a", 0, "a neighbour")),
        store.append(append("b", 0, "small", large)),
        store.append(append("c", 0, "another")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], InvalidEvent)
    assert isinstance(outcomes[0], Appended)
    assert isinstance(outcomes[2], Appended)
    log = await everything(store)
    assert sorted(said(log)) == ["a neighbour", "another"]
    assert_whole(log)


async def test_a_caller_that_goes_away_does_not_hurt_the_others(store: Log) -> None:
    tasks = [asyncio.create_task(store.append(append(f"s{n}", 0, "x"))) for n in range(50)]
    for task in tasks[::5]:
        task.cancel()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    acknowledged = {f"s{n}" for n, one in enumerate(outcomes) if isinstance(one, Appended)}
    assert len(acknowledged) >= 40
    log = await everything(store)
    assert_whole(log)
    assert {event.stream for event in log} >= acknowledged
    await store.append(append("later", 0, "the log goes on"))
    assert await store.head() == len(log) + 1
