"""Group commit: who shares a commit, who fails alone, and what a full queue says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from events.batching import (
    MAX_APPENDS,
    MAX_BYTES,
    MAX_EVENTS,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    GroupCommit,
)
from events.codec import MAX_EVENT_BYTES
from events.errors import Conflict, InvalidEvent, LogUnavailable, Overloaded
from events.heads import Outcome
from events.intake import Admitted, admit
from events.store import Append, Appended
from tests.stores import append

pytestmark = pytest.mark.anyio

Judge = Callable[[Admitted], Outcome]


def stored(_append: Admitted) -> Outcome:
    return Appended(1, 1, 1)


class Disk:
    """Where commits go: it remembers each, can be held, and can break."""

    def __init__(self, judge: Judge = stored) -> None:
        self.commits: list[list[str]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.broken_for: set[str] = set()
        self.gone = False
        self.unknown = False
        self._judge = judge

    async def commit(self, appends: Sequence[Admitted]) -> Sequence[Outcome]:
        await self.free.wait()
        streams = [one.stream for one in appends]
        if self.gone:
            raise LogUnavailable("the disk is gone", outcome_unknown=self.unknown)
        if self.broken_for.intersection(streams):
            raise OSError("a bad sector")
        self.commits.append(streams)
        return [self._judge(one) for one in appends]


class Desk:
    """Group commit in front of a disk, at work."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.told: list[Appended] = []
        self.commits = GroupCommit(disk.commit, self.told.extend)

    async def submit(self, append: Append) -> Appended:
        return await self.commits.submit(admit(append))

    async def all(self, *appends: Append) -> list[Appended | BaseException]:
        submitted = [self.submit(one) for one in appends]
        return await asyncio.gather(*submitted, return_exceptions=True)


@asynccontextmanager
async def at_work(disk: Disk) -> AsyncIterator[Desk]:
    desk = Desk(disk)
    running = asyncio.create_task(desk.commits.run())
    try:
        yield desk
    finally:
        disk.free.set()
        desk.commits.close()
        await running


def small(number: int) -> Append:
    return append(f"s{number}", 0, "x")


async def everybody_had_a_turn() -> None:
    """Nothing here waits for anything real, so a few turns of the loop are enough."""
    for _ in range(4):
        await asyncio.sleep(0)


async def test_a_lone_append_is_written_at_once() -> None:
    async with at_work(Disk()) as desk:
        await desk.submit(small(0))

        assert desk.disk.commits == [["s0"]]
        assert len(desk.told) == 1


async def test_what_arrives_during_a_commit_shares_the_next() -> None:
    async with at_work(Disk()) as desk:
        desk.disk.free.clear()
        first = asyncio.create_task(desk.submit(small(0)))
        await everybody_had_a_turn()
        rest = asyncio.create_task(desk.all(*map(small, range(1, 10))))
        await everybody_had_a_turn()
        desk.disk.free.set()
        await asyncio.gather(first, rest)

        assert [len(commit) for commit in desk.disk.commits] == [1, 9]


async def test_a_commit_has_a_most_of_appends() -> None:
    async with at_work(Disk()) as desk:
        await desk.all(*map(small, range(MAX_APPENDS + 1)))

        assert max(map(len, desk.disk.commits)) <= MAX_APPENDS


async def test_a_commit_has_a_most_of_events_but_one_append_is_never_split() -> None:
    async with at_work(Disk()) as desk:
        large = append("large", 0, *"x" * (MAX_EVENTS + 5))
        outcomes = await desk.all(append("a", 0, *"x" * 600), append("b", 0, *"x" * 600), large)

        assert all(isinstance(one, Appended) for one in outcomes)
        assert desk.disk.commits == [["a"], ["b"], ["large"]]


async def test_a_conflict_is_its_own_append_s_and_nobody_else_s() -> None:
    def judge(one: Admitted) -> Outcome:
        lost = Conflict(one.stream, expected=0, actual=1)
        return lost if one.stream == "s1" else Appended(1, 1, 1)

    async with at_work(Disk(judge)) as desk:
        outcomes = await desk.all(*map(small, range(3)))

        assert [type(one) for one in outcomes] == [Appended, Conflict, Appended]
        assert len(desk.told) == 2


async def test_a_batch_that_fails_is_written_again_one_by_one() -> None:
    disk = Disk()
    disk.broken_for = {"s1"}
    async with at_work(disk) as desk:
        outcomes = await desk.all(*map(small, range(3)))

        assert [type(one) for one in outcomes] == [Appended, LogUnavailable, Appended]
        assert isinstance(outcomes[1], LogUnavailable)
        assert isinstance(outcomes[1].__cause__, OSError)
        assert desk.disk.commits == [["s0"], ["s2"]]


async def test_when_the_disk_is_gone_everybody_hears_so_and_later_ones_go_on() -> None:
    disk = Disk()
    disk.gone = True
    async with at_work(disk) as desk:
        outcomes = await desk.all(*map(small, range(3)))
        disk.gone = False

        assert all(isinstance(one, LogUnavailable) for one in outcomes)
        assert isinstance(await desk.submit(small(9)), Appended)


@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_of_unknown_outcome_is_asked_again_once(happened: bool) -> None:
    asked: list[int] = []

    async def commit(appends: Sequence[Admitted]) -> Sequence[Outcome]:
        asked.append(len(appends))
        if len(asked) == 1:
            raise LogUnavailable("cut off", outcome_unknown=True)
        return [Appended(1, 1, 1, repeated=happened) for _ in appends]

    desk = Desk(Disk())
    desk.commits = GroupCommit(commit, desk.told.extend)
    running = asyncio.create_task(desk.commits.run())
    outcomes = await desk.all(*map(small, range(3)))
    desk.commits.close()
    await running

    assert asked == [3, 3]
    assert outcomes == [Appended(1, 1, 1, repeated=happened)] * 3


async def test_when_nobody_can_tell_the_outcome_everybody_hears_that() -> None:
    disk = Disk()
    disk.gone = disk.unknown = True
    async with at_work(disk) as desk:
        outcomes = await desk.all(*map(small, range(3)))

        assert [isinstance(one, LogUnavailable) and one.outcome_unknown for one in outcomes] == [
            True,
            True,
            True,
        ]


async def test_a_commit_has_a_most_of_bytes() -> None:
    def wide(number: int) -> Append:
        return append(f"s{number}", 0, "x" * 60_000)

    async with at_work(Disk()) as desk:
        desk.disk.free.clear()
        first = asyncio.create_task(desk.submit(small(-1)))
        await everybody_had_a_turn()
        rest = asyncio.create_task(desk.all(*map(wide, range(40))))
        await everybody_had_a_turn()
        desk.disk.free.set()
        await asyncio.gather(first, rest)

        assert max(map(len, desk.disk.commits)) == MAX_BYTES // wide_bytes(wide(0))
        assert sum(map(len, desk.disk.commits)) == 41


def wide_bytes(one: Append) -> int:
    return admit(one).size


async def test_a_queue_that_holds_too_many_bytes_refuses_at_once() -> None:
    huge = append("s", 0, *["x" * 60_000] * 300)
    fits = MAX_WAITING_BYTES // wide_bytes(huge)
    async with at_work(Disk()) as desk:
        desk.disk.free.clear()
        first = asyncio.create_task(desk.submit(small(0)))
        await everybody_had_a_turn()
        waiting = asyncio.create_task(desk.all(*[huge] * fits))
        await everybody_had_a_turn()

        with pytest.raises(Overloaded):
            await desk.submit(huge)

        desk.disk.free.set()
        assert all(isinstance(one, Appended) for one in [await first, *await waiting])


async def test_an_event_that_cannot_be_stored_never_reaches_a_batch() -> None:
    async with at_work(Disk()) as desk:
        outcomes = await desk.all(small(0), append("large", 0, "x" * MAX_EVENT_BYTES), small(2))

        assert [type(one) for one in outcomes] == [Appended, InvalidEvent, Appended]
        assert "large" not in [name for commit in desk.disk.commits for name in commit]


async def test_a_full_queue_refuses_at_once() -> None:
    async with at_work(Disk()) as desk:
        desk.disk.free.clear()
        first = asyncio.create_task(desk.submit(small(0)))
        await everybody_had_a_turn()
        waiting = asyncio.create_task(desk.all(*map(small, range(1, MAX_WAITING + 1))))
        await everybody_had_a_turn()

        with pytest.raises(Overloaded):
            await desk.submit(small(-1))

        desk.disk.free.set()
        assert all(isinstance(one, Appended) for one in [await first, *await waiting])


async def test_who_goes_away_before_the_commit_is_left_out_and_after_it_is_written() -> None:
    async with at_work(Disk()) as desk:
        desk.disk.free.clear()
        staged = asyncio.create_task(desk.submit(small(0)))
        await everybody_had_a_turn()
        waiting = asyncio.create_task(desk.submit(small(1)))
        await everybody_had_a_turn()
        staged.cancel()
        waiting.cancel()
        await asyncio.gather(staged, waiting, return_exceptions=True)
        desk.disk.free.set()
        await desk.submit(small(2))

        assert desk.disk.commits == [["s0"], ["s2"]]
        assert len(desk.told) == 2


async def test_closing_writes_what_waits_and_takes_no_more() -> None:
    desk = Desk(Disk())
    waiting = asyncio.create_task(desk.all(*map(small, range(3))))
    await everybody_had_a_turn()
    desk.commits.close()

    await desk.commits.run()

    assert all(isinstance(one, Appended) for one in await waiting)
    with pytest.raises(LogUnavailable):
        await desk.submit(small(9))
