"""Files that nobody sees yet: written beside, made durable, then renamed into place."""

import hashlib
import itertools
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from service.storage.objects import Stored

_serial = itertools.count()


class Draft:
    """A file that ends published or discarded; both of them wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._path, self._descriptor = _create_unique(folder)
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._open = True

    def write(self, blocks: Iterable[bytes]) -> None:
        """Add to the file."""
        for block in blocks:
            rest = memoryview(block)
            while rest:  # a nearly full disk may take a part only
                rest = rest[os.write(self._descriptor, rest) :]
            self._hash.update(block)
            self._bytes += len(block)

    def publish(self, target: Path) -> None:
        """Give it its name, durably."""
        self.place(target)
        self.close()
        sync_folder(target.parent)

    def place(self, target: Path) -> None:
        """Give it its name, which lasts when its folder is synced."""
        # The bytes first, then the name: after a power cut no name may point at nothing.
        os.fsync(self._descriptor)
        try:
            self._path.replace(target)
        except FileNotFoundError:
            make_folders(target.parent)
            self._path.replace(target)

    def discard(self) -> None:
        """Remove it, unless it has its name already."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the open file."""
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def stored(self, name: str) -> Stored:
        """What was written."""
        return Stored(name=name, bytes=self._bytes, sha256=self._hash.hexdigest())


def make_folders(folder: Path) -> None:
    """Makes the folder and those above it, each of them durable in its parent."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create_unique(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / f"{os.getpid()}-{next(_serial)}"
        with suppress(FileExistsError):  # an earlier process of the same number left one
            return path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
