"""The log as it is stored: read raw, restored elsewhere, asked by time, and with its start gone."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.errors import Archived, InvalidEvent
from events.store import Recorded, Stored
from events.verify import Verifier
from tests.fakes import START, FakeClock
from tests.stores import (
    STORES,
    Log,
    append,
    archive,
    assert_whole,
    everything,
    everything_stored,
    said,
)

pytestmark = pytest.mark.anyio

SECOND = 1_000_000


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def store(backend: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Log]:
    async with STORES[backend](tmp_path, clock) as store:
        yield store


async def told(store: Log, clock: FakeClock, count: int = 10) -> list[Recorded]:
    """So many events of two streams, a second apart."""
    for number in range(count):
        await store.append(append("ab"[number % 2], number // 2, f"{number} – ß"))
        clock.advance(1)
    return await everything(store)


async def test_what_is_stored_is_what_was_recorded(store: Log, clock: FakeClock) -> None:
    log = await told(store, clock)

    stored = await store.read_stored(after=2, limit=3)

    assert [one.position for one in stored] == [3, 4, 5]
    for raw, recorded in zip(stored, log[2:5], strict=True):
        for name in set(Stored.__struct_fields__) - {"data", "meta"}:
            assert getattr(raw, name) == getattr(recorded, name)
    assert stored[0].meta == b'{"node":"test"}'
    assert stored[0].data == (b'{"by":"test","document_id":"a","reason":"2 \xe2\x80\x93 \xc3\x9f"}')
    assert Verifier().check(await everything_stored(store)) is None


async def test_a_log_is_restored_byte_for_byte(
    store: Log, backend: str, tmp_path: Path, clock: FakeClock
) -> None:
    await told(store, clock)
    stored = await everything_stored(store)
    folder = tmp_path / "copy"
    folder.mkdir()

    async with STORES[backend](folder, clock) as copy:
        for start in range(0, len(stored), 4):
            await copy.restore(stored[start : start + 4])

        assert await everything_stored(copy) == stored
        assert await everything(copy) == await everything(store)
        assert copy.wakeup.head == len(stored)
        again = await copy.append(append("a", 5, "it goes on"))
        assert (again.first, again.version) == (11, 6)
        assert_whole(await everything(copy))


async def test_restoring_nothing_changes_nothing(store: Log, clock: FakeClock) -> None:
    await told(store, clock, 2)

    await store.restore([])

    assert await store.head() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda run: run[1:],
        lambda run: [run[0], run[2]],
        lambda run: [replace(run[0], data=run[0].data + b" "), *run[1:]],
        lambda run: [*run[:2], replace(run[2], version=run[2].version + 1)],
        lambda run: [*run[:2], replace(run[2], recorded_at=0)],
    ],
)
async def test_what_does_not_follow_is_not_restored(
    store: Log, backend: str, tmp_path: Path, clock: FakeClock, wrong: object
) -> None:
    await told(store, clock)
    stored = await everything_stored(store)
    assert callable(wrong)
    run: Sequence[Stored] = wrong(stored[4:7])
    (tmp_path / "copy").mkdir()

    async with STORES[backend](tmp_path / "copy", clock) as copy:
        await copy.restore(stored[:4])
        with pytest.raises(InvalidEvent, match=r"^position [567] does not follow: "):
            await copy.restore(run)

        assert await everything_stored(copy) == stored[:4]


async def test_the_position_at_a_time_is_the_last_that_was_recorded_by_then(
    store: Log, clock: FakeClock
) -> None:
    assert await store.position_at(START) == 0
    await told(store, clock)
    clock.advance(-3600)
    await store.append(append("c", 0, "the clock was set back"))

    for number in range(9):
        assert await store.position_at(START + number * SECOND) == number + 1
        assert await store.position_at(START + number * SECOND - 1) == number
    assert await store.position_at(START + 9 * SECOND) == 11
    assert await store.position_at(0) == 0
    assert await store.position_at(2**62) == 11


async def test_nothing_needs_the_first_positions_for_ever(store: Log, clock: FakeClock) -> None:
    log = await told(store, clock)
    assert await store.floor() == 0

    await archive(store, 4)

    assert await store.floor() == 4
    assert await store.head() == 10
    assert await store.read_all(after=4) == log[4:]
    assert said(await store.read_stream("a", after=2)) == said(log[4::2])
    assert [one.position for one in await store.read_stored(after=6)] == [7, 8, 9, 10]
    for after in (0, 3):
        with pytest.raises(Archived, match=rf"position {after + 1} is archived.* position 4;"):
            await store.read_all(after=after, limit=2)
        with pytest.raises(Archived):
            await store.read_stored(after=after)
    assert await store.position_at(0) == 4
    assert await store.position_at(START + 6 * SECOND) == 7
    await store.append(append("a", 5, "the log goes on"))
    assert await store.head() == 11


async def test_an_archived_log_is_verified_from_where_it_begins(
    store: Log, clock: FakeClock
) -> None:
    await told(store, clock)
    before = Verifier()
    before.check(await store.read_stored(after=0, limit=4))
    await archive(store, 4)

    assert Verifier(after=before.head).check(await store.read_stored(after=4)) is None
