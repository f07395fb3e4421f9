"""What only a folder of objects has: files a person can read, leftovers, a disk that fills up."""

import asyncio
import os
import resource
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.storage import ObjectStore, open_storage
from tests.integration.webhook_app import webhook

pytestmark = pytest.mark.anyio

KILLED = """
import asyncio, sys
from pathlib import Path
from service.storage import open_storage

async def endless():
    for _ in range(20):
        yield bytes(100_000)
    print("written", flush=True)
    await asyncio.Event().wait()

asyncio.run(open_storage(Path(sys.argv[1])).put_stream("uploads/cut-off", endless()))
"""


async def one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def names(store: ObjectStore) -> list[str]:
    return [listed.name async for listed in store.list()]


async def test_an_object_is_a_plain_file_for_its_owner_only(tmp_path: Path) -> None:
    await open_storage(tmp_path / "objects").put_stream("uploads/one.pdf", one(b"%PDF"))

    file = tmp_path / "objects" / "uploads" / "one.pdf"
    assert file.read_bytes() == b"%PDF"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_a_local_copy_is_the_file_itself(tmp_path: Path) -> None:
    store = open_storage(tmp_path)
    await store.put_stream("uploads/one.pdf", one(b"%PDF"))

    async with store.local_copy("uploads/one.pdf") as path:
        assert path == tmp_path / "uploads" / "one.pdf"


async def test_a_folder_may_be_given_as_text_or_url(tmp_path: Path) -> None:
    await open_storage(tmp_path).put_stream("one", one(b"1"))

    assert await names(open_storage(str(tmp_path))) == ["one"]
    assert await names(open_storage(f"file://{tmp_path}")) == ["one"]


async def test_a_killed_writer_leaves_no_object(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(tmp_path), stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"written\n"
    writer.kill()
    await writer.communicate()

    assert await names(open_storage(tmp_path)) == []


async def test_old_leftovers_are_removed_at_the_opening_and_young_ones_may_be_anothers(
    tmp_path: Path,
) -> None:
    open_storage(str(tmp_path))
    old, young = (tmp_path / ".unfinished" / name for name in ("1-1", "1-2"))
    for path in (old, young):
        path.write_bytes(b"half")
    two_days_ago = young.stat().st_mtime - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))

    open_storage(str(tmp_path))

    assert not old.exists()
    assert young.exists()


async def test_in_a_folder_of_ours_every_leftover_is_removed_at_the_opening(tmp_path: Path) -> None:
    open_storage(tmp_path)
    (tmp_path / ".unfinished" / "1-1").write_bytes(b"half")

    open_storage(tmp_path)

    assert list((tmp_path / ".unfinished").iterdir()) == []


@pytest.mark.parametrize("length", [10_000, 1_000_000], ids=["at once", "in blocks"])
async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, length: int) -> None:
    store = open_storage(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    # No file may grow beyond 4 KiB: the write fails as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            await store.put_stream("uploads/big", one(bytes(length)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert await names(store) == []
    assert list((tmp_path / ".unfinished").iterdir()) == []


async def test_its_threads_end_with_the_service(data_folder: Path) -> None:
    before = set(threading.enumerate())

    async with webhook(data_folder) as hook:
        await hook.upload()
        assert "objects_0" in [each.name for each in set(threading.enumerate()) - before]

    left = [each.name for each in set(threading.enumerate()) - before]
    assert [name for name in left if not name.startswith("asyncio_")] == []  # those are the loop's


async def test_a_long_object_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    async def long() -> AsyncIterator[bytes]:
        for _ in range(1_600):
            yield bytes(65_536)

    store = open_storage(tmp_path)
    await store.put_stream("warm", one(bytes(1_000_000)))

    tracemalloc.start()
    try:
        await store.put_stream("long", long())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000
