"""An append that comes again: the same is stored once, another conflicts, a mixture is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.errors import Conflict, CorruptedIdempotency, InvalidEvent
from events.store import ANY, Append, Appended, document_stream
from tests.fakes import FakeClock
from tests.stores import STORES, Log, append, assert_whole, everything, said

pytestmark = pytest.mark.anyio


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    async with STORES[request.param](tmp_path, clock) as store:
        yield store


def joined(*appends: Append) -> Append:
    """The events of all of them, at the version of the first."""
    return replace(appends[0], events=[event for one in appends for event in one.events])


async def test_the_same_append_again_is_answered_as_the_first_time(store: Log) -> None:
    wanted = append("a", 0, "one", "two")
    first = await store.append(wanted)
    await store.append(append("b", 0, "between"))
    await store.append(append("a", 2, "three"))

    again = await store.append(wanted)

    assert again.repeated
    assert not first.repeated
    assert (again.first, again.last, again.version) == (first.first, first.last, first.version)
    assert list(again.recorded) == list(first.recorded)
    assert said(await everything(store)) == ["one", "two", "between", "three"]


async def test_a_repeated_append_in_the_middle_of_a_stream_is_found_there(store: Log) -> None:
    await store.append(append("a", 0, "one"))
    wanted = append("a", 1, "two", "three")
    first = await store.append(wanted)
    await store.append(append("a", 3, "four"))

    again = await store.append(wanted)

    assert (again.first, again.last, again.version) == (first.first, first.last, 3)


async def test_other_events_at_a_version_that_is_taken_are_a_conflict(store: Log) -> None:
    await store.append(append("a", 0, "one", "two"))

    with pytest.raises(Conflict):
        await store.append(append("a", 0, "other", "events"))


@pytest.mark.parametrize("there", [1, 2])
async def test_an_append_that_begins_like_a_stored_one_and_then_differs_is_an_error(
    store: Log, there: int
) -> None:
    wanted = append("a", 0, "one", "two", "three")
    await store.append(replace(wanted, events=wanted.events[:there]))
    await store.append(append("a", there, "else", "more"))

    with pytest.raises(CorruptedIdempotency, match=rf"of 3 events .* the first {there} are"):
        await store.append(wanted)

    assert len(await everything(store)) == there + 2


async def test_an_append_of_which_only_a_part_is_stored_is_an_error(store: Log) -> None:
    wanted = append("a", 0, "one", "two", "three")
    await store.append(replace(wanted, events=wanted.events[:2]))

    with pytest.raises(CorruptedIdempotency):
        await store.append(wanted)

    assert said(await everything(store)) == ["one", "two"]


async def test_an_id_that_stands_elsewhere_in_the_stream_does_not_count(store: Log) -> None:
    first = append("a", 0, "one")
    await store.append(first)
    await store.append(append("a", 1, "two"))

    with pytest.raises(Conflict):
        await store.append(replace(first, expected=1))


async def test_the_beginning_of_a_stored_append_is_a_repetition_of_it(store: Log) -> None:
    wanted = append("a", 0, "one", "two")
    await store.append(wanted)

    again = await store.append(replace(wanted, events=wanted.events[:1]))

    assert (again.first, again.last, again.version, again.repeated) == (1, 1, 1, True)


async def test_repetitions_that_wait_together_are_stored_once(store: Log) -> None:
    wanted = append("a", 0, "one", "two")
    mixed = joined(replace(wanted, events=wanted.events[:1]), append("a", 0, "else"))

    outcomes = await asyncio.gather(
        *[store.append(one) for one in (wanted, wanted, mixed, append("a", 0, "other"), wanted)],
        return_exceptions=True,
    )

    kinds = [type(one) for one in outcomes]
    assert kinds == [Appended, Appended, CorruptedIdempotency, Conflict, Appended]
    stored = [one for one in outcomes if isinstance(one, Appended)]
    assert [(one.first, one.last, one.repeated) for one in stored] == [
        (1, 2, False),
        (1, 2, True),
        (1, 2, True),
    ]
    assert [list(one.recorded) for one in stored] == [await everything(store)] * 3


async def test_a_repetition_is_also_found_when_the_rest_waits_in_the_same_commit(
    store: Log,
) -> None:
    one, two = append("a", 0, "one"), append("a", 1, "two")
    await store.append(one)

    outcomes = await asyncio.gather(store.append(two), store.append(joined(one, two)))

    assert [(each.first, each.last, each.repeated) for each in outcomes] == [
        (2, 2, False),
        (1, 2, True),
    ]


async def test_bookkeeping_is_appended_wherever_its_stream_is(store: Log) -> None:
    for number in range(3):
        await store.append(append("usage", ANY, f"{number}", "and more"))
    await store.append(append("usage", 6, "exactly"))

    appended = await store.append(append("usage", ANY, "last"))

    assert (appended.first, appended.version) == (8, 8)
    assert_whole(await everything(store))


async def test_many_book_at_once(store: Log) -> None:
    await asyncio.gather(*[store.append(append("usage", ANY, f"{n}")) for n in range(50)])

    log = await everything(store)
    assert sorted(said(log)) == sorted(f"{n}" for n in range(50))
    assert_whole(log)


async def test_a_document_is_never_written_without_its_version(store: Log) -> None:
    with pytest.raises(InvalidEvent, match=r"expected is 'ANY'"):
        await store.append(append(document_stream("d1"), ANY, "x"))

    assert await store.head() == 0
