"""The broker's writer: shared commits, in the event loop or in its thread; nothing else differs."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select, text

from service.broker.database import LOCK_SECONDS, WRITES, open_database
from service.broker.errors import Overloaded, StoreUnavailable
from service.broker.pace import QUICK_SECONDS, Pace
from service.broker.tables import signing_keys
from service.broker.writer import MOST_ROWS, Writer
from tests.brokers import migrated
from tests.disks import MANY, Disk, assert_only_a_quick_disk_is_waited_for

pytestmark = pytest.mark.anyio


def _note(connection: Connection, items: Sequence[str]) -> list[int]:
    for item in items:
        connection.execute(
            text("INSERT INTO signing_keys (role, key) VALUES (:role, 'k')"), {"role": item}
        )
    return [len(items)] * len(items)


@asynccontextmanager
async def writing(folder: Path, disk: Disk, *, limit: int = 100) -> AsyncIterator[Writer]:
    """A writer over a new file; its pace is that of the disk from the start."""
    engine = open_database(migrated(folder))
    event.listen(engine, "commit", disk.commit)
    pace = Pace(lambda: disk.now)
    for _ in range(MANY):
        pace.timed(lambda: setattr(disk, "now", disk.now + disk.seconds))
    writer = Writer(engine, limit=limit, brief={_note: lambda _role: 1}, pace=pace)
    try:
        yield writer
    finally:
        await writer.close()
        engine.dispose()


@pytest.fixture(params=["quick", "slow"])
def disk(request: pytest.FixtureRequest) -> Disk:
    return Disk(QUICK_SECONDS / 10 if request.param == "quick" else 20 * QUICK_SECONDS)


async def test_writes_that_wait_share_a_commit(disk: Disk, tmp_path: Path) -> None:
    async with writing(tmp_path, disk) as writer:
        sizes = await asyncio.gather(*(writer.write(_note, str(n)) for n in range(50)))

    assert max(sizes) == 50
    assert disk.held_up == [disk.seconds < QUICK_SECONDS]


async def test_after_a_commit_that_failed_the_next_one_is_as_any_other(
    disk: Disk, tmp_path: Path
) -> None:
    async with writing(tmp_path, disk) as writer:
        disk.full = True
        for role in ("a", "b"):
            with pytest.raises(StoreUnavailable, match="no space left"):
                await writer.write(_note, role)
        disk.full = False

        assert await writer.write(_note, "a") == 1


async def test_one_bad_write_does_not_take_the_others_with_it(disk: Disk, tmp_path: Path) -> None:
    async with writing(tmp_path, disk) as writer:
        results = await asyncio.gather(
            *(writer.write(_note, role) for role in ("a", "b", "a", "c")), return_exceptions=True
        )

    refused = [isinstance(result, StoreUnavailable) for result in results]
    assert refused == [False, False, True, False]


async def test_a_full_queue_refuses_at_once_and_a_closed_one_too(
    disk: Disk, tmp_path: Path
) -> None:
    async with writing(tmp_path, disk, limit=2) as writer:
        results = await asyncio.gather(
            *(writer.write(_note, str(n)) for n in range(4)), return_exceptions=True
        )

    assert [isinstance(result, Overloaded) for result in results] == [False, False, True, True]
    with pytest.raises(StoreUnavailable, match="stopping"):
        await writer.write(_note, "late")


async def test_what_came_of_a_write_is_heard_though_its_caller_has_gone(
    disk: Disk, tmp_path: Path
) -> None:
    heard: list[int | None] = []
    async with writing(tmp_path, disk) as writer:
        task = asyncio.create_task(writer.write(_note, "a", heard.append))
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(StoreUnavailable):
            await writer.write(_note, "a", heard.append)
    with pytest.raises(StoreUnavailable):
        await writer.write(_note, "late", heard.append)

    assert heard == [1, None, None]


async def test_the_loop_waits_for_a_quick_disk_and_for_no_other(tmp_path: Path) -> None:
    disk = Disk(20 * QUICK_SECONDS)
    roles = map(str, itertools.count())
    async with writing(tmp_path, disk) as writer:
        await assert_only_a_quick_disk_is_waited_for(
            disk, lambda: writer.write(_note, next(roles)), quick_seconds=QUICK_SECONDS
        )


async def test_the_loop_never_waits_while_another_engine_writes(tmp_path: Path) -> None:
    disk = Disk(QUICK_SECONDS / 10)
    other = open_database(migrated(tmp_path))
    locked, turned = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write_until_the_loop_has_turned() -> bool:
        with other.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            _note(connection, ["other"])
            loop.call_soon_threadsafe(locked.set)
            return turned.wait(LOCK_SECONDS / 2)

    async with writing(tmp_path, disk) as writer:
        await writer.write(_note, "before")
        others = asyncio.create_task(asyncio.to_thread(write_until_the_loop_has_turned))
        await locked.wait()
        write = asyncio.create_task(writer.write(_note, "meanwhile"))
        for _ in range(MANY):
            await asyncio.sleep(0)
        assert not write.done()
        turned.set()
        has_turned = await others
        await write
        await writer.write(_note, "after")
    with other.connect() as connection:
        roles = set(connection.execute(select(signing_keys.c.role)).scalars())
    other.dispose()

    assert has_turned
    assert roles == {"before", "other", "meanwhile", "after"}
    assert disk.held_up == [True, False, True]


async def test_what_may_take_long_is_never_done_in_the_loop(tmp_path: Path) -> None:
    def unbounded(connection: Connection, items: Sequence[str]) -> list[int]:
        return _note(connection, items)

    disk = Disk(QUICK_SECONDS / 10)
    async with writing(tmp_path, disk, limit=2 * MOST_ROWS) as writer:
        many = (writer.write(_note, str(n)) for n in range(MOST_ROWS + 1))
        await asyncio.gather(*many)
        await asyncio.gather(writer.write(_note, "a"), writer.write(unbounded, "b"))
        await writer.write(_note, "c")

    assert disk.held_up == [False, False, True]
