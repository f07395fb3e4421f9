"""What a log keeps over the end of its process, however that ends."""

import asyncio
import os
import random
import select
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

import events.sqlite
from events.errors import LogUnavailable
from tests.fakes import FakeClock
from tests.forking import Forked, environment_of_a_user
from tests.postgres import database_of
from tests.stores import DURABLE, append, assert_whole, everything, said, sqlite_log

KILLS = 5

WHERE: Mapping[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: str(folder / "log.db"),
    "postgresql": database_of,
}
"""What a process of its own is told, to find the log."""

pytestmark = pytest.mark.anyio


@pytest.fixture(params=DURABLE)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_the_log_and_its_name_outlive_the_process(
    backend: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with DURABLE[backend](tmp_path, clock) as store:
        await store.append(append("a", 0, "one", "two"))
        epoch, log = await store.epoch(), await everything(store)

    async with DURABLE[backend](tmp_path, clock) as store:
        assert await store.epoch() == epoch
        assert await everything(store) == log
        assert store.wakeup.head == 2
        await store.append(append("a", 2, "three"))
        assert_whole(await everything(store))


async def test_a_log_that_is_closed_refuses(backend: str, tmp_path: Path, clock: FakeClock) -> None:
    async with DURABLE[backend](tmp_path, clock) as store:
        await store.append(append("a", 0, "one"))

    with pytest.raises(LogUnavailable):
        await store.append(append("a", 1, "two"))


async def test_a_log_that_is_closed_writes_first_what_waits(
    backend: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with DURABLE[backend](tmp_path, clock) as store:
        waiting = [asyncio.ensure_future(store.append(append(f"s{n}", 0, "x"))) for n in range(20)]
        await asyncio.sleep(0)

    outcomes = await asyncio.gather(*waiting)
    assert sorted(one.first for one in outcomes) == list(range(1, 21))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}' WHERE position = 1",
        "UPDATE events SET recorded_at = 0",
        "DELETE FROM events WHERE position = 1",
        "DELETE FROM events",
    ],
)
async def test_the_database_refuses_to_change_what_is_recorded(
    tmp_path: Path, clock: FakeClock, statement: str
) -> None:
    async with sqlite_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "one"))

    with (
        closing(sqlite3.connect(tmp_path / "log.db")) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changed"),
    ):
        connection.execute(statement)


async def test_a_log_that_cannot_be_written_says_so_and_goes_on_when_it_can(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.sqlite, "LOCK_SECONDS", 0.2)
    async with sqlite_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "one"))
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = await asyncio.gather(
                *[store.append(append(f"s{n}", 0, "x")) for n in range(3)], return_exceptions=True
            )
            other.execute("ROLLBACK")

        assert all(isinstance(one, LogUnavailable) for one in outcomes)
        assert said(await everything(store)) == ["one"]
        await store.append(append("a", 1, "two"))
        assert_whole(await everything(store))


async def test_what_was_acknowledged_is_there_after_a_kill(backend: str, tmp_path: Path) -> None:
    acknowledged: set[tuple[str, int]] = set()
    chance = random.Random(tmp_path.name)
    async with DURABLE[backend](tmp_path, FakeClock()):
        pass  # the schema is made once
    where = WHERE[backend](tmp_path)
    for life in range(KILLS):
        seconds = chance.uniform(0.005, 0.2)
        acknowledged |= await asyncio.to_thread(_one_life, where, life, seconds)

        async with DURABLE[backend](tmp_path, FakeClock()) as store:
            log = await everything(store)
        assert_whole(log)
        lost = acknowledged - {(event.stream, event.version) for event in log}
        assert lost == set()
    assert len(acknowledged) > 0


def _one_life(where: str, life: int, seconds: float) -> set[tuple[str, int]]:
    """Start a writer, let it be acknowledged something, kill it; what it was acknowledged."""
    with Forked("tests.log_writer", [where, str(life)], environment=environment_of_a_user()) as it:
        heard = os.read(it.stdout.fileno(), 65536)  # it writes
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([it.stdout], [], [], left)[0]:
                heard += os.read(it.stdout.fileno(), 65536)
        it.kill()
        while more := os.read(it.stdout.fileno(), 65536):
            heard += more
    lines = heard.decode().split("\n")[:-1]  # the last may be half a line
    return {(stream, int(version)) for stream, version in (line.split() for line in lines)}
