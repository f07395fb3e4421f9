"""The event loop waits for a quick disk itself; a slow one is waited for in a thread."""

import itertools
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text

from events.pace import QUICK_SECONDS, Pace
from events.sqlite import open_sqlite
from service.storage import FolderStore
from tests.disks import MANY, Disk, assert_only_a_quick_disk_is_waited_for

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    event.listen(Engine, "commit", disk.commit)
    yield disk
    event.remove(Engine, "commit", disk.commit)


def row(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE IF NOT EXISTS rows (number INTEGER)"))
    connection.execute(text("INSERT INTO rows VALUES (1)"))


async def test_the_loop_waits_for_a_quick_disk_and_for_no_other(disk: Disk, tmp_path: Path) -> None:
    pace = Pace(lambda: disk.now)
    async with open_sqlite(tmp_path / "log.db", durability="full", pace=pace) as database:
        await assert_only_a_quick_disk_is_waited_for(
            disk, lambda: database.write(row), quick_seconds=QUICK_SECONDS
        )


async def test_a_small_object_is_stored_by_the_same_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_up: list[bool] = []
    sync = os.fsync

    def watched(file: int) -> None:
        held_up.append(threading.current_thread() is threading.main_thread())
        sync(file)

    async def body() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"

    now = itertools.count()
    store = FolderStore(tmp_path, pace=Pace(lambda: next(now) * QUICK_SECONDS * seconds))
    monkeypatch.setattr(os, "fsync", watched)

    for seconds in (20, 0.1):
        held_up.clear()
        for number in range(2 * MANY):
            await store.put_stream(f"{number}", body())
        assert held_up[-1] == (seconds < 1)
        assert not held_up[0]


async def test_long_work_is_never_waited_for_in_the_loop(disk: Disk, tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "read.db", durability="relaxed") as database:
        await database.write(row)
        await database.write(row, long=True)

    assert disk.held_up == [True, False]
