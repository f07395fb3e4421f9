"""Many nodes on one PostgreSQL: writing at once (F4), frozen (F5), beside strangers (F7)."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from events.errors import LogUnavailable
from events.follow import follow
from events.postgres import LOCK_SECONDS, open_postgres
from events.sql import SqlEventStore, open_event_store
from events.store import Append, Recorded
from tests.fakes import FakeClock
from tests.faults.postgres_node import WRITERS, Acknowledged
from tests.faults.sizes import SLOW_MACHINE, size
from tests.postgres import database_of, server
from tests.stores import Log, append, assert_whole, everything, postgres_log, said

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
NODES = 3
WRITING_SECONDS = size(ci=20.0, nightly=600.0)
TAILERS = 5
PATIENCE = size(ci=120.0, nightly=3_600.0)
FREEZES = size(ci=1, nightly=20)
STALLED_SECONDS = 7.0
"""How long others may wait: until the frozen node has lost the lock, and one wait for it more."""

Process = asyncio.subprocess.Process
Seen = list[tuple[int, str]]


async def test_under_many_nodes_positions_are_dense_and_readers_see_a_prefix(
    tmp_path: Path, clock: FakeClock
) -> None:
    url = database_of(tmp_path)
    async with _tailing(url, clock) as (store, tails), asyncio.timeout(PATIENCE):
        nodes = [await _node("write", url, str(n), str(WRITING_SECONDS)) for n in range(NODES)]
        outputs = await asyncio.gather(*[node.communicate() for node in nodes])
        assert [node.returncode for node in nodes] == [0] * NODES
        log = await everything(store)
        await _all_reach(len(log), tails)

    assert_whole(log)
    whole = _seen(log)
    assert all(tail == whole for tail in tails)
    acknowledged = [
        msgspec.json.decode(line, type=Acknowledged)
        for output, _ in outputs
        for line in output.splitlines()
    ]
    for told in acknowledged:
        assert [event_id for _, event_id in whole[told.first - 1 : told.last]] == told.event_ids
    # Every writer went on until it knew what became of each, so nothing else is there.
    assert sum(len(told.event_ids) for told in acknowledged) == len(log)
    assert len({event.stream for event in log}) == NODES * WRITERS + 1


async def test_a_node_that_freezes_with_the_lock_stalls_the_others_for_seconds_only(
    tmp_path: Path, clock: FakeClock
) -> None:
    url = database_of(tmp_path)
    async with postgres_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "before"))
        for number in range(FREEZES):
            stalled = await _stalled_by_a_frozen_node(url, store, append("a", 1 + number, "after"))
            assert LOCK_SECONDS <= stalled < STALLED_SECONDS + SLOW_MACHINE

        log = await everything(store)
        assert_whole(log)
        assert said(log) == ["before", *["after"] * FREEZES]


async def _stalled_by_a_frozen_node(url: str, store: Log, wanted: Append) -> float:
    """How long an append takes while another node is frozen with the lock, which it then loses."""
    frozen = await _node("freeze", url)
    assert frozen.stdout is not None
    assert await frozen.stdout.readline() == b"locked\n"
    frozen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    refused = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.append(wanted)
                break
            except LogUnavailable:
                refused += 1
    stalled = time.monotonic() - began
    frozen.send_signal(signal.SIGCONT)
    async with asyncio.timeout(PATIENCE):
        assert await frozen.stdout.readline() == b"refused\n"
        await frozen.wait()
    assert refused >= 1
    return stalled


async def test_a_long_transaction_elsewhere_in_the_server_hides_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    elsewhere = await server().connect(database_of(tmp_path / "elsewhere"))
    await elsewhere.execute("BEGIN; INSERT INTO log.log_info VALUES ('long', 'x')")
    async with _tailing(database_of(tmp_path), clock) as (store, tails):
        for number in range(3):
            await store.append(append("a", number, "x"))
            async with asyncio.timeout(PATIENCE):
                await _all_reach(number + 1, tails)
    await elsewhere.close()


@asynccontextmanager
async def _tailing(url: str, clock: FakeClock) -> AsyncIterator[tuple[SqlEventStore, list[Seen]]]:
    """Readers that follow the log, each with what it has seen, and the store that they read."""
    tails: list[Seen] = [[] for _ in range(TAILERS)]
    async with (
        open_postgres(url, "log", durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
    ):
        tasks = [asyncio.ensure_future(_follow(store, tail)) for tail in tails]
        try:
            yield store, tails
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


async def _all_reach(count: int, tails: list[Seen]) -> None:
    while any(len(tail) < count for tail in tails):  # noqa: ASYNC110 -- nobody tells us
        await asyncio.sleep(0.05)


async def _follow(store: SqlEventStore, tail: Seen) -> None:
    async for page in follow(store, after=0, wakeup=store.wakeup, limit=100):
        tail.extend(_seen(page))


def _seen(page: list[Recorded]) -> Seen:
    return [(event.position, event.event_id) for event in page]


async def _node(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.postgres_node", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
