"""A reader that stays keeps the WAL from shrinking: that is said, until it shrinks again (F16)."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import events.wal
from events.sql import open_event_store
from events.sqlite import SqliteDatabase, open_sqlite
from migrations import upgrade
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.stores import append, everything, said, sqlite_log

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024
LARGE = "x" * 30_000
GROWN_TO = size(ci=events.wal.ALARM_BYTES, nightly=16 * events.wal.ALARM_BYTES)
OPEN_SECONDS = size(ci=0.0, nightly=60.0)
"""How long the reader stays at least."""
SMALL = 8 * MEBIBYTE
READERS = 4
BUSY_WRITES = size(ci=2_000, nightly=20_000)
BOUND = events.wal.ALARM_BYTES


def told(database: SqliteDatabase) -> str:
    return database.trouble or ""


async def test_a_reader_that_stays_raises_an_alarm_that_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.wal, "IDLE_SECONDS", 0.05)
    lines: list[str] = []
    monkeypatch.setattr(events.wal.log, "warning", lambda text, *_: lines.append(str(text)))
    path, wal = tmp_path / "log.db", tmp_path / "log.db-wal"
    upgrade("log", path)
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=FakeClock(), new_epoch=lambda: "epoch") as store,
    ):
        await store.append(append("a", 0, "first"))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            began = time.monotonic()
            assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
            version = 1
            while wal.stat().st_size < GROWN_TO or not told(database):
                version = (await store.append(append("a", version, LARGE))).version

            assert "cannot shrink" in told(database)
            while time.monotonic() < began + OPEN_SECONDS:
                version = (await store.append(append("a", version, "goes on"))).version
                await asyncio.sleep(0.05)
            assert "cannot shrink" in told(database)
            assert len(lines) == 1 and "cannot shrink" in lines[0], "it is told once"
            assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)

        while told(database):
            version = (await store.append(append("a", version, LARGE))).version
        assert wal.stat().st_size < SMALL


async def test_readers_that_come_and_go_never_keep_it_from_shrinking(tmp_path: Path) -> None:
    stop = threading.Event()
    wal = tmp_path / "log.db-wal"
    async with sqlite_log(tmp_path, FakeClock()) as store:
        readers = [
            asyncio.create_task(asyncio.to_thread(read_and_read, tmp_path / "log.db", stop))
            for _ in range(READERS)
        ]
        largest = 0
        for number in range(BUSY_WRITES):
            await store.append(append("a", number, LARGE))
            largest = max(largest, wal.stat().st_size)
        stop.set()
        await asyncio.gather(*readers)

    assert largest < BOUND < BUSY_WRITES * len(LARGE)


def read_and_read(path: Path, stop: threading.Event) -> None:
    """One read after the other; with others like it, somebody is always in the middle of one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        while not stop.is_set():
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            stop.wait(0.02)
            reader.execute("COMMIT")


async def test_a_wal_is_emptied_when_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.wal, "IDLE_SECONDS", 0.02)
    wal = tmp_path / "log.db-wal"
    async with sqlite_log(tmp_path, FakeClock()) as store:
        await store.append(append("a", 0, LARGE))

        async with asyncio.timeout(30):
            while wal.stat().st_size:  # noqa: ASYNC110 -- there is nobody who could tell us
                await asyncio.sleep(0.01)
        await store.append(append("a", 1, "goes on"))
        assert said(await everything(store)) == [LARGE, "goes on"]
