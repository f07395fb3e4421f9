"""Disks that fail when a test says so: a small one that fills up, and one that refuses to grow."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

MEBIBYTE = 1024 * 1024


class Disk(Protocol):
    """A folder on a disk that can be made to fail, and to work again."""

    folder: Path

    def fail(self, pid: int) -> None:
        """From now on the process ``pid`` can write nothing more."""
        ...

    def work(self, pid: int) -> None:
        """From now on it can."""
        ...


class SmallDisk:
    """A file system of its own, which a ballast file fills to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()
        self._ballast = folder / "ballast"

    def fail(self, pid: int) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            for block in (MEBIBYTE, 4096, 1):
                try:
                    while True:
                        ballast.write(bytes(block))
                except OSError:
                    continue

    def work(self, pid: int) -> None:
        self._ballast.unlink()


class LimitedDisk:
    """Any disk; the kernel refuses to let the process's files grow: an I/O error for SQLite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()

    def fail(self, pid: int) -> None:
        _limit(pid, 1)

    def work(self, pid: int) -> None:
        _limit(pid, resource.RLIM_INFINITY)


@contextmanager
def small_disk(folder: Path, *, mebibytes: int) -> Iterator[Disk]:
    """A small file system mounted at ``folder``; where nothing may be mounted, a limited disk."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "waybill-fault", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        yield LimitedDisk(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def limited_disk(folder: Path, *, mebibytes: int) -> Iterator[Disk]:
    """The folder as it is; its failures come from a limit on the size of files."""
    folder.mkdir()
    disk = LimitedDisk(folder)
    try:
        yield disk
    finally:
        disk.work(os.getpid())


def _limit(pid: int, size: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
