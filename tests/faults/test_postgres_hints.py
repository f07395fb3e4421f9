"""Hints that never come, and a listener that is cut off again and again (F11)."""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from events.follow import follow
from events.hints import LISTENER, Hints
from tests.fakes import FakeClock
from tests.faults.sizes import SLOW_MACHINE, size
from tests.postgres import database_of, nodes_listen, server
from tests.stores import Log, append, postgres_log

SECONDS = size(ci=20.0, nightly=300.0)
EVERY = 0.13
"""Between two appends; no divisor of the second between two looks, so that they fall anywhere."""
CUT_EVERY = 2.0
LATE_SECONDS = 1.5
"""The most that a reader may be late by, whatever becomes of the hints."""
PATIENCE = 60.0


class Lateness(NamedTuple):
    """How late a reader was, in seconds, of each of many appends."""

    unhinted: list[float]
    cut_off: list[float]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Lateness:
    """Both at once, in databases of their own: neither has much to do, but each needs its time."""

    async def both() -> Lateness:
        return Lateness(
            *await asyncio.gather(
                _without_hints(tmp_path_factory.mktemp("unhinted")),
                _cut_off(tmp_path_factory.mktemp("cut-off")),
            )
        )

    return asyncio.run(both())


def test_without_any_hint_a_follower_is_late_by_one_look(late: Lateness) -> None:
    _assert_soon_enough(late.unhinted)
    assert max(late.unhinted) > EVERY, "somebody gave a hint"


def test_a_listener_that_is_cut_off_again_and_again_listens_again(late: Lateness) -> None:
    _assert_soon_enough(late.cut_off)


async def _without_hints(folder: Path) -> list[float]:
    clock = FakeClock()
    async with postgres_log(folder, clock) as here, postgres_log(folder, clock) as there:
        return await _lateness(here, there)


async def _cut_off(folder: Path) -> list[float]:
    """The listeners are cut off every two seconds, and listen again each time."""
    clock, url = FakeClock(), database_of(folder)
    reports: list[str] = []
    async with postgres_log(folder, clock) as here, postgres_log(folder, clock) as there:
        hints = [
            asyncio.create_task(Hints(url, here.wakeup, reports.append).run()),
            asyncio.create_task(Hints(url, there.wakeup, reports.append).run()),
        ]
        async with asyncio.timeout(PATIENCE):
            await nodes_listen(url, 2)
        cutting = asyncio.create_task(_cut_again_and_again(url))
        late = await _lateness(here, there)
        cutting.cancel()
        [cut] = await asyncio.gather(cutting, return_exceptions=True)
        assert isinstance(cut, asyncio.CancelledError)
        assert len(reports) >= SECONDS / CUT_EVERY / 2, "each is away for two seconds, then back"
        assert not any(task.done() for task in hints)
        async with asyncio.timeout(PATIENCE):
            await nodes_listen(url, 2)
        for task in hints:
            task.cancel()
        await asyncio.gather(*hints, return_exceptions=True)
    return late


def _assert_soon_enough(late: list[float]) -> None:
    assert len(late) >= SECONDS / EVERY / 4, "too few appends to say anything"
    assert max(late) <= LATE_SECONDS + SLOW_MACHINE
    assert sorted(late)[len(late) * 9 // 10] <= LATE_SECONDS


async def _lateness(here: Log, there: Log) -> list[float]:
    """Append on one node for a while; how much later another one saw each."""
    seen: asyncio.Queue[float] = asyncio.Queue()
    following = asyncio.create_task(_tell(there, seen))
    appended: list[float] = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        await here.append(append("a", len(appended), "x"))
        appended.append(time.monotonic())
        await asyncio.sleep(EVERY)
    async with asyncio.timeout(PATIENCE):
        late = [await seen.get() - at for at in appended]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return late


async def _cut_again_and_again(url: str) -> None:
    listeners = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{url.rpartition('/')[2]}' AND application_name = '{LISTENER}'"
    )
    while True:
        await asyncio.to_thread(server().sql, listeners)
        await asyncio.sleep(CUT_EVERY)


async def _tell(store: Log, seen: "asyncio.Queue[float]") -> None:
    """Follow the log, and say of each event when it was seen."""
    async for page in follow(store, after=0, wakeup=store.wakeup):
        for _ in page:
            seen.put_nowait(time.monotonic())
