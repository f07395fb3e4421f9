"""Two hands on one database: what a store remembers of its last commit never outlives another's."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from events.appending import REMEMBERED
from events.errors import Conflict, LogUnavailable
from tests.fakes import FakeClock
from tests.stores import DURABLE, append, assert_whole, everything, said, sqlite_log

pytestmark = pytest.mark.anyio


@pytest.fixture(params=DURABLE)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_what_another_store_wrote_meanwhile_is_seen(
    backend: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with DURABLE[backend](tmp_path, clock) as one, DURABLE[backend](tmp_path, clock) as two:
        for number in range(6):
            store = (one, two)[number % 2]
            await store.append(append("a", number, f"{number}"))
            await store.append(append(f"new-{number}", 0, "x"))
            with pytest.raises(Conflict):
                await store.append(append("a", number, "too late"))

        log = await everything(one)
        assert_whole(log)
        assert said(await one.read_stream("a")) == [f"{number}" for number in range(6)]


async def test_a_commit_that_failed_leaves_nothing_behind(tmp_path: Path, clock: FakeClock) -> None:
    async with sqlite_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "one"))
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
            other.execute(
                "CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            with pytest.raises(LogUnavailable):
                await store.append(append("b", 0, "never"))
            other.execute("DROP TRIGGER no")
        await store.append(append("a", 1, "two"))
        await store.append(append("b", 0, "now"))

        log = await everything(store)
        assert said(log) == ["one", "two", "now"]
        assert_whole(log)


async def test_more_streams_than_are_remembered_keep_their_versions(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with sqlite_log(tmp_path, clock) as store:
        await store.append(append("first", 0, "x"))
        for start in range(0, REMEMBERED + 10, 200):
            new = [append(f"s{number}", 0, "x") for number in range(start, start + 200)]
            await asyncio.gather(*[store.append(one) for one in new])

        await store.append(append("first", 1, "y"))
        await store.append(append("s7", 1, "y"))
        with pytest.raises(Conflict):
            await store.append(append("s8", 0, "y"))
        assert_whole(await everything(store))
