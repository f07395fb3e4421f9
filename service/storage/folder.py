"""Objects as plain files in a folder: written beside, synced, then renamed into place.

A body of one block costs one hop to a thread; a longer one is written block by block, so that
memory does not grow with it. What a killed process left half written is removed at the next
opening, or a day later if others may write here too.
"""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from service.storage.objects import Listed, ObjectMissing, Stored, check_name

Result = TypeVar("Result")

_BLOCK = 256 * 1024
_LISTED_AT_ONCE = 500
_LEFTOVER_SECONDS = 86_400
_UNFINISHED = ".unfinished"  # no object's name begins with a dot

_serial = itertools.count()


class FolderStore:
    def __init__(self, folder: Path, *, alone: bool = False) -> None:
        """`alone` says that no other process writes here: then leftovers need no day of grace."""
        self._folder = folder.absolute()
        self._unfinished = self._folder / _UNFINISHED
        _make_folders(self._unfinished)
        _remove_leftovers(self._unfinished, older_than=0 if alone else _LEFTOVER_SECONDS)

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        check_name(name)
        blocks = _blocks(chunks)
        first = await anext(blocks, b"")
        second = await anext(blocks, None)
        if second is None:
            return await _in_thread(lambda: self._put_at_once(name, first))
        draft = await _in_thread(lambda: _Draft(self._unfinished))
        try:
            await _in_thread(lambda: draft.write(first, second))
            async for block in blocks:
                await _in_thread(lambda block=block: draft.write(block))  # type: ignore[misc] # bound now
            return await _in_thread(lambda: draft.publish(self._path(name), name))
        except BaseException:
            await _in_thread(draft.discard)
            raise

    async def put_file(self, name: str, path: Path) -> Stored:
        check_name(name)
        return await _in_thread(lambda: self._copy(name, path))

    async def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        opened = await _in_thread(lambda: self._open(name, offset))
        try:
            while block := await _in_thread(lambda: opened.read(_BLOCK)):
                yield block
        finally:
            opened.close()

    @asynccontextmanager
    async def local_copy(self, name: str) -> AsyncIterator[Path]:
        await self.size(name)
        yield self._path(name)

    async def size(self, name: str) -> int:
        path = self._path(name)
        try:
            return (await _in_thread(path.stat)).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(name) from None

    async def delete(self, name: str) -> None:
        path = self._path(name)
        with suppress(FileNotFoundError, NotADirectoryError):
            await _in_thread(lambda: _remove(path))

    async def list(self, folder: str = "") -> AsyncIterator[Listed]:
        start = self._path(folder) if folder else self._folder
        found = _files_below(start, self._folder)
        while batch := await _in_thread(lambda: [*itertools.islice(found, _LISTED_AT_ONCE)]):
            for listed in batch:
                yield listed

    def _path(self, name: str) -> Path:
        return self._folder / check_name(name)

    def _open(self, name: str, offset: int) -> BinaryIO:
        try:
            opened = self._path(name).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(name) from None
        opened.seek(offset)
        return opened

    def _put_at_once(self, name: str, body: bytes) -> Stored:
        draft = _Draft(self._unfinished)
        try:
            draft.write(body)
            return draft.publish(self._path(name), name)
        except BaseException:
            draft.discard()
            raise

    def _copy(self, name: str, path: Path) -> Stored:
        draft = _Draft(self._unfinished)
        try:
            with path.open("rb") as source:
                while block := source.read(_BLOCK):
                    draft.write(block)
            return draft.publish(self._path(name), name)
        except BaseException:
            draft.discard()
            raise


class _Draft:
    """A file that nobody sees yet; it ends published or discarded. All of it runs in threads."""

    def __init__(self, folder: Path) -> None:
        self._path, self._descriptor = _create_unique(folder)
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._open = True

    def write(self, *blocks: bytes) -> None:
        for block in blocks:
            rest = memoryview(block)
            while rest:  # a nearly full disk may take a part only
                rest = rest[os.write(self._descriptor, rest) :]
            self._hash.update(block)
            self._bytes += len(block)

    def publish(self, target: Path, name: str) -> Stored:
        # The bytes first, then the name: after a power cut no name may point at nothing.
        os.fsync(self._descriptor)
        self._close()
        try:
            self._path.replace(target)
        except FileNotFoundError:
            _make_folders(target.parent)
            self._path.replace(target)
        _sync_folder(target.parent)
        return Stored(name=name, bytes=self._bytes, sha256=self._hash.hexdigest())

    def discard(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in blocks worth a hop to a thread."""
    waiting: list[bytes] = []
    length = 0
    async for chunk in chunks:
        waiting.append(chunk)
        length += len(chunk)
        if length >= _BLOCK:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)


async def _in_thread(work: Callable[[], Result]) -> Result:
    """Runs the work in a thread and returns when the thread is done, even when cancelled before.

    Otherwise a cancelled upload would remove its draft while a thread still writes to it.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise


def _create_unique(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / f"{os.getpid()}-{next(_serial)}"
        with suppress(FileExistsError):  # an earlier process of the same number left one
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _make_folders(folder: Path) -> None:
    """Makes the folder and those above it, each of them durable in its parent."""
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    path.unlink()
    _sync_folder(path.parent)


def _remove_leftovers(folder: Path, *, older_than: float) -> None:
    os.utime(folder)  # asks the file system for its own time: on a shared disk it is not ours
    now = folder.stat().st_mtime
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime >= older_than:
                path.unlink()


def _files_below(start: Path, root: Path) -> Iterator[Listed]:
    for folder, folders, files in os.walk(start):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            path = Path(folder, file)
            with suppress(FileNotFoundError):  # deleted since it was seen
                found = path.stat()
                yield Listed(
                    name=path.relative_to(root).as_posix(),
                    bytes=found.st_size,
                    modified_us=found.st_mtime_ns // 1_000,
                )
