"""Hints that never come, and a listener that is cut off again and again (F11)."""

import asyncio
import time
from pathlib import Path

import pytest

from events.follow import follow
from events.hints import LISTENER, Hints
from events.wakeup import POLL_SECONDS
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.postgres import database_of, nodes_listen, server
from tests.stores import Log, append, postgres_log

pytestmark = pytest.mark.anyio

APPENDS = size(ci=6, nightly=150)
LISTENERS_CUT = size(ci=5, nightly=100)
CUT_EVERY = size(ci=0.5, nightly=2.0)
SLOW_MACHINE = 8.0
PATIENCE = 60.0


async def test_without_any_hint_a_follower_is_late_by_one_look(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with postgres_log(tmp_path, clock) as here, postgres_log(tmp_path, clock) as there:
        seen: asyncio.Queue[float] = asyncio.Queue()
        following = asyncio.create_task(_tell(there, seen))
        for number in range(APPENDS):
            began = time.monotonic()
            await here.append(append("a", number, "x"))
            async with asyncio.timeout(PATIENCE):
                late = await seen.get() - began
            assert late < POLL_SECONDS + 0.5 + SLOW_MACHINE
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_listener_that_is_cut_off_again_and_again_listens_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    url = database_of(tmp_path)
    reports: list[str] = []
    listeners = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{url.rpartition('/')[2]}' AND application_name = '{LISTENER}'"
    )
    async with postgres_log(tmp_path, clock) as here, postgres_log(tmp_path, clock) as there:
        seen: asyncio.Queue[float] = asyncio.Queue()
        tasks = [
            asyncio.create_task(_tell(there, seen)),
            asyncio.create_task(Hints(url, here.wakeup, reports.append).run()),
            asyncio.create_task(Hints(url, there.wakeup, reports.append).run()),
        ]
        cut = 0
        for number in range(LISTENERS_CUT):
            cut += len(await asyncio.to_thread(server().sql, listeners))
            await here.append(append("a", number, "x"))
            async with asyncio.timeout(PATIENCE):
                await seen.get()
            await asyncio.sleep(CUT_EVERY)
        assert cut >= 1
        assert len(reports) >= 1
        assert not any(task.done() for task in tasks)
        async with asyncio.timeout(PATIENCE):
            await nodes_listen(url, 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _tell(store: Log, seen: "asyncio.Queue[float]") -> None:
    """Follow the log, and say of each event when it was seen."""
    async for page in follow(store, after=0, wakeup=store.wakeup):
        for _ in page:
            seen.put_nowait(time.monotonic())
