"""What every keeper of objects promises: a folder, a bucket in memory, a bucket over S3's HTTP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.storage import BadObjectName, ObjectMissing, ObjectStore, open_storage
from tests.s3 import S3Server, started_s3

pytestmark = pytest.mark.anyio

LONG = 11 * 1024 * 1024 + 7
"""More than two parts of a bucket's upload, and no round number."""


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with started_s3() as server:
        yield server


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    opened = _opened(request, tmp_path)
    yield opened
    opened.close()


def _opened(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_storage(tmp_path / "objects")
    if request.param == "memory":
        return open_storage("memory:///")
    server: S3Server = request.getfixturevalue("s3")
    return server.open(server.new_bucket(), request.getfixturevalue("monkeypatch"))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def whole(store: ObjectStore, name: str, offset: int = 0) -> bytes:
    return b"".join([block async for block in store.read(name, offset)])


async def names(store: ObjectStore, folder: str = "") -> list[str]:
    return sorted([listed.name async for listed in store.list(folder)])


async def test_what_was_put_is_read_back(store: ObjectStore) -> None:
    stored = await store.put_stream("uploads/one.pdf", chunks(b"Hello, ", b"world"))

    assert await whole(store, "uploads/one.pdf") == b"Hello, world"
    assert (stored.name, stored.bytes) == ("uploads/one.pdf", 12)
    assert stored.sha256 == hashlib.sha256(b"Hello, world").hexdigest()


async def test_an_object_may_be_empty(store: ObjectStore) -> None:
    stored = await store.put_stream("nothing", chunks())

    assert stored.bytes == 0
    assert stored.sha256 == hashlib.sha256().hexdigest()
    assert await whole(store, "nothing") == b""


async def test_a_long_object_comes_back_whole(store: ObjectStore) -> None:
    content = bytes(range(256)) * (LONG // 256 + 1)
    content = content[:LONG]
    parts = [content[at : at + 65_536] for at in range(0, LONG, 65_536)]

    stored = await store.put_stream("long", chunks(*parts))

    assert stored.bytes == LONG
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert await whole(store, "long") == content


async def test_a_later_put_replaces_an_earlier_one(store: ObjectStore) -> None:
    await store.put_stream("name", chunks(b"the first and longer one"))

    await store.put_stream("name", chunks(b"second"))

    assert await whole(store, "name") == b"second"


@pytest.mark.parametrize("before", [b"a little", bytes(LONG)], ids=["at once", "after a long part"])
async def test_when_the_chunks_raise_nothing_is_stored(store: ObjectStore, before: bytes) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield before
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError, match="the client went away"):
        await store.put_stream("uploads/broken", broken())

    assert await names(store) == []


async def test_when_the_chunks_raise_the_earlier_object_stays(store: ObjectStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(LONG)
        raise ConnectionResetError("the client went away")

    await store.put_stream("uploads/kept", chunks(b"earlier"))

    with pytest.raises(ConnectionResetError):
        await store.put_stream("uploads/kept", broken())

    assert await whole(store, "uploads/kept") == b"earlier"


async def test_a_cancelled_put_leaves_nothing(store: ObjectStore) -> None:
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(LONG)
        waiting.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.put_stream("uploads/stalled", stalled()))
    await waiting.wait()
    upload.cancel()

    with pytest.raises(asyncio.CancelledError):
        await upload
    assert await names(store) == []


async def test_an_upload_cut_off_leaves_no_parts_in_the_bucket(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(LONG)
        raise ConnectionResetError("the client went away")

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(LONG)
        waiting.set()
        await asyncio.Event().wait()

    waiting = asyncio.Event()
    bucket = s3.new_bucket()
    store = s3.open(bucket, monkeypatch)

    with pytest.raises(ConnectionResetError):
        await store.put_stream("broken", broken())
    upload = asyncio.create_task(store.put_stream("stalled", stalled()))
    await waiting.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    assert s3.unfinished_uploads(bucket) == 0


async def test_a_file_is_copied_into_the_store(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "result"
    file.write_bytes(b"page one")

    stored = await store.put_file("results/one", file)

    assert stored.sha256 == hashlib.sha256(b"page one").hexdigest()
    assert await whole(store, "results/one") == b"page one"
    assert file.read_bytes() == b"page one"


@pytest.mark.parametrize(
    ("offset", "rest"), [(0, b"0123456789"), (4, b"456789"), (10, b""), (11, b"")]
)
async def test_reading_may_begin_anywhere(store: ObjectStore, offset: int, rest: bytes) -> None:
    await store.put_stream("digits", chunks(b"0123456789"))

    assert await whole(store, "digits", offset) == rest


async def test_a_local_copy_is_a_file_with_the_same_bytes(store: ObjectStore) -> None:
    await store.put_stream("uploads/one.pdf", chunks(b"%PDF-1.7 and more"))

    async with store.local_copy("uploads/one.pdf") as path:
        assert path.read_bytes() == b"%PDF-1.7 and more"

    assert await whole(store, "uploads/one.pdf") == b"%PDF-1.7 and more"


async def test_an_object_has_a_size(store: ObjectStore) -> None:
    await store.put_stream("seven", chunks(b"1234567"))

    assert await store.size("seven") == 7


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    await store.put_stream("uploads/one", chunks(b"x"))

    await store.delete("uploads/one")
    await store.delete("uploads/one")

    assert await names(store) == []
    with pytest.raises(ObjectMissing):
        await store.size("uploads/one")


async def test_a_missing_object_is_named(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing, match="'uploads/none'"):
        await whole(store, "uploads/none")
    with pytest.raises(ObjectMissing, match="'uploads/none'"):
        await whole(store, "uploads/none", 5)
    with pytest.raises(ObjectMissing, match="'uploads/none'"):
        await store.size("uploads/none")
    with pytest.raises(ObjectMissing, match="'uploads/none'"):
        async with store.local_copy("uploads/none"):
            pass


async def test_a_list_names_what_lies_in_a_folder(store: ObjectStore) -> None:
    for name in ("uploads/a", "uploads/deeper/b", "uploads-of-others/c", "results/a"):
        await store.put_stream(name, chunks(name.encode()))

    assert await names(store, "uploads") == ["uploads/a", "uploads/deeper/b"]
    assert await names(store, "nowhere") == []
    assert len(await names(store)) == 4


async def test_a_list_tells_size_and_time(store: ObjectStore) -> None:
    await store.put_stream("uploads/a", chunks(b"12345"))

    [listed] = [listed async for listed in store.list("uploads")]

    assert listed.bytes == 5
    assert listed.modified_us > 1_600_000_000_000_000


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "a/", "/a", "a//b", "..", "a/../b", ".hidden", "a/.b", "a b", "a\\b", "é"),
        *("a\0", "a\n", "x" * 201, "/".join(["abc"] * 300)),
    ],
)
async def test_a_name_that_could_leave_its_place_is_refused(store: ObjectStore, name: str) -> None:
    with pytest.raises(BadObjectName):
        await store.put_stream(name, chunks(b"x"))
    with pytest.raises(BadObjectName):
        await whole(store, name)
    with pytest.raises(BadObjectName):
        await store.delete(name)
    with pytest.raises(BadObjectName):
        await store.size(name)
    assert await names(store) == []


async def test_two_puts_of_one_name_leave_one_of_them_whole(store: ObjectStore) -> None:
    async def steady(byte: bytes) -> AsyncIterator[bytes]:
        for _ in range(20):
            yield byte * 50_000
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for byte in (b"a", b"b"):
            tasks.create_task(store.put_stream("contested", steady(byte)))

    assert await whole(store, "contested") in (b"a" * 1_000_000, b"b" * 1_000_000)
