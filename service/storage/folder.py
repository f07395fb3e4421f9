"""Objects as plain files in a folder: written beside, synced, then renamed into place.

A small body is written at once, in a thread only if the disk is slow; a longer one goes block by
block, so that memory does not grow with it. What a killed process left half written is removed at
the next opening, or a day later if others may write here too.
"""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from events.pace import Pace
from events.threads import in_thread
from service.storage.drafts import Draft, make_folders, sync_folder
from service.storage.objects import Listed, ObjectMissing, Stored, check_name

Result = TypeVar("Result")

_SMALL = 64 * 1024
"""So few pages are written to the system's memory without a thread."""
_THREADS = 8
"""Files on their way to or from the disk at once; the others wait for their turn."""
_BLOCK = 256 * 1024
_LISTED_AT_ONCE = 500
_LEFTOVER_SECONDS = 86_400
_UNFINISHED = ".unfinished"  # no object's name begins with a dot


class FolderStore:
    def __init__(self, folder: Path, *, alone: bool = False, pace: Pace | None = None) -> None:
        """`alone` says that no other process writes here: then leftovers need no day of grace."""
        self._folder = folder.absolute()
        self._unfinished = self._folder / _UNFINISHED
        self._pace = pace or Pace()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="objects")
        make_folders(self._unfinished)
        _remove_leftovers(self._unfinished, older_than=0 if alone else _LEFTOVER_SECONDS)

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        check_name(name)
        blocks = _blocks(chunks)
        first = await anext(blocks, b"")
        second = await anext(blocks, None)
        if second is None:
            return await self._put_at_once(name, first)
        draft = await self._in_thread(lambda: Draft(self._unfinished))
        try:
            await self._in_thread(lambda: draft.write((first, second)))
            async for block in blocks:
                await self._in_thread(lambda block=block: draft.write((block,)))  # type: ignore[misc] # bound now
            await self._in_thread(lambda: draft.publish(self._path(name)))
            return draft.stored(name)
        except BaseException:
            await self._in_thread(draft.discard)
            raise

    async def put_file(self, name: str, path: Path) -> Stored:
        check_name(name)
        small = _small(path)
        if small is not None:
            return await self._put_at_once(name, small)
        return await self._in_thread(lambda: self._copy(name, path))

    async def read(self, name: str, offset: int = 0) -> AsyncIterator[bytes]:
        opened = await self._in_thread(lambda: self._open(name, offset))
        try:
            while block := await self._in_thread(lambda: opened.read(_BLOCK)):
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
            return (await self._in_thread(path.stat)).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(name) from None

    async def delete(self, name: str) -> None:
        path = self._path(name)
        with suppress(FileNotFoundError, NotADirectoryError):
            await self._in_thread(lambda: _remove(path))

    async def list(self, folder: str = "") -> AsyncIterator[Listed]:
        start = self._path(folder) if folder else self._folder
        found = _files_below(start, self._folder)
        while batch := await self._in_thread(lambda: [*itertools.islice(found, _LISTED_AT_ONCE)]):
            for listed in batch:
                yield listed

    def close(self) -> None:
        self._threads.shutdown()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        # A cancelled upload must not remove its draft while a thread still writes to it.
        return await in_thread(self._threads, work)

    def _path(self, name: str) -> Path:
        return self._folder / check_name(name)

    def _open(self, name: str, offset: int) -> BinaryIO:
        try:
            opened = self._path(name).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(name) from None
        opened.seek(offset)
        return opened

    async def _put_at_once(self, name: str, body: bytes) -> Stored:
        if len(body) > _SMALL:
            return await self._in_thread(lambda: self._write(name, (body,)))
        draft = Draft(self._unfinished)
        try:
            draft.write((body,))
            await self._published(draft, self._path(name))
        except BaseException:
            draft.discard()
            raise
        return draft.stored(name)

    async def _published(self, draft: Draft, target: Path) -> None:
        publish = partial(self._pace.timed, partial(draft.publish, target))
        if self._pace.quick:
            publish()
        else:
            await self._in_thread(publish)

    def _copy(self, name: str, path: Path) -> Stored:
        with path.open("rb") as source:
            return self._write(name, iter(lambda: source.read(_BLOCK), b""))

    def _write(self, name: str, blocks: Iterable[bytes]) -> Stored:
        draft = Draft(self._unfinished)
        try:
            draft.write(blocks)
            draft.publish(self._path(name))
        except BaseException:
            draft.discard()
            raise
        return draft.stored(name)


def _small(path: Path) -> bytes | None:
    """The bytes of a small file, which was just written and so is in memory."""
    return path.read_bytes() if path.stat().st_size <= _SMALL else None


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


def _remove(path: Path) -> None:
    path.unlink()
    sync_folder(path.parent)


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
