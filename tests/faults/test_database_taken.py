"""A log whose files are locked, moved away or removed refuses, loses nothing, and goes on."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

import events.sqlite
from events.errors import LogUnavailable
from events.sql import open_event_store
from events.sqlite import SqliteDatabase, open_sqlite
from events.store import EventStore
from migrations import upgrade
from tests.fakes import FakeClock
from tests.stores import append, assert_whole, everything, said

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    upgrade("log", folder / "log.db")
    return folder / "log.db"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[SqliteDatabase, EventStore]]:
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=FakeClock(), new_epoch=lambda: "epoch") as store,
    ):
        yield database, store


async def test_nobody_waits_in_the_event_loop_for_a_lock_of_another_program(path: Path) -> None:
    async with opened(path) as (_, store):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(store.append(append("a", 0, "one")))
            for _ in range(100):  # everybody else has the loop meanwhile
                await asyncio.sleep(0)
            assert not waiting.done()
            other.execute("ROLLBACK")

        assert (await waiting).first == 1


async def test_a_lock_that_is_kept_is_an_outage_that_ends_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.sqlite, "LOCK_SECONDS", 0.1)
    async with opened(path) as (database, store):
        await store.append(append("a", 0, "one"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            outcomes = await asyncio.gather(
                *[store.append(append(f"s{n}", 0, "x")) for n in range(3)], return_exceptions=True
            )
            assert all(isinstance(one, LogUnavailable) for one in outcomes), outcomes
            assert "locked" in str(database.trouble)
            assert said(await everything(store)) == ["one"]
            other.execute("ROLLBACK")

        await store.append(append("a", 1, "two"))
        assert database.trouble is None
        assert_whole(await everything(store))


async def test_a_file_that_was_moved_away_is_not_written_until_it_is_back(path: Path) -> None:
    away = path.parent.with_name("away")
    async with opened(path) as (database, store):
        await store.append(append("a", 0, "one"))
        path.parent.rename(away)

        with pytest.raises(LogUnavailable, match="removed or replaced"):
            await store.append(append("a", 1, "lost"))
        assert list(path.parent.parent.glob("data/*")) == [], "nothing was made in its place"
        assert database.trouble is not None

        away.rename(path.parent)
        await store.append(append("a", 1, "two"))

    async with opened(path) as (_, store):
        assert said(await everything(store)) == ["one", "two"]


async def test_another_file_in_its_place_is_never_written(path: Path) -> None:
    backup = path.with_name("backup")
    shutil.copy(path, backup)
    async with opened(path) as (_, store):
        await store.append(append("a", 0, "one"))
        backup.replace(path)

        with pytest.raises(LogUnavailable, match="restart"):
            await store.append(append("a", 1, "two"))


async def test_a_wal_that_somebody_removed_takes_nothing_with_it(path: Path) -> None:
    async with opened(path) as (_, store):
        await store.append(append("a", 0, "one"))
        path.with_name("log.db-wal").unlink()

        await store.append(append("a", 1, "two"))
        await store.append(append("a", 2, "three"))
        for name in ("log.db", "log.db-wal"):  # as a kill now would leave it
            shutil.copy(path.with_name(name), path.parent.with_name(name))

    async with opened(path.parent.with_name("log.db")) as (_, store):
        assert said(await everything(store)) == ["one", "two", "three"]
