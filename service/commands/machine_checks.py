"""What `doctor` looks at on this machine: versions, the data folder, the two databases."""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from service.commands.finding import Finding, ok, problem, warning
from service.commands.wording import size
from service.machine import has_wal_reset_bug, network_file_system

OLDEST_PYTHON = (3, 11)
SOUND_SQLITE = (3, 51, 3)
LITTLE_SPACE = 1_000_000_000
NO_SPACE = 100_000_000


def versions(python: tuple[int, int], sqlite: tuple[int, int, int]) -> Iterator[Finding]:
    """Whether this Python and this SQLite will do."""
    shown = ".".join(map(str, python))
    if python < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        yield problem("python", f"Python {shown} is too old", repair=f"install Python {needed}")
    else:
        yield ok("python", f"Python {shown}")
    shown, sound = (".".join(map(str, each)) for each in (sqlite, SOUND_SQLITE))
    if has_wal_reset_bug(sqlite):
        yield warning(
            "sqlite",
            f"SQLite {shown} has a fault that two checkpointing connections can meet; "
            "Waybill uses one, so do not open its files with other programs while it runs",
            repair=f"use a Python that is built with SQLite {sound} or newer",
        )
    else:
        yield ok("sqlite", f"SQLite {shown}")


def this_python() -> tuple[int, int]:
    return sys.version_info[:2]


def data_folder(folder: Path) -> Finding:
    """Whether the service can write there, and for how long."""
    place = folder.absolute()
    kind = network_file_system(place)
    if kind is not None:
        return warning(
            "data folder",
            f"{place} is on a network file system ({kind}), where SQLite's locks and durability "
            "cannot be relied on",
            repair="use a folder on a local disk, or PostgreSQL",
        )
    if not place.exists():
        above = next(each for each in place.parents if each.exists())
        if os.access(above, os.W_OK):
            return ok("data folder", f"{place} is not there yet; the first start makes it")
        return problem(
            "data folder",
            f"{place} is not there, and {above} cannot be written to",
            repair="choose another folder with --data or WAYBILL_DATA",
        )
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"waybill")
    except OSError as error:
        return problem(
            "data folder",
            f"{place} cannot be written to: {error.strerror}",
            repair="give the folder to the user who runs Waybill, or choose another with --data",
        )
    return _space(place, shutil.disk_usage(place).free)


def log_database(path: Path) -> Finding:
    """Whether the log opens, and how much is in it."""
    counted = _read(path, "SELECT count(*), coalesce(max(position), 0) FROM events")
    if counted is None:
        return ok("log.db", "not there yet; the first start makes it")
    if isinstance(counted, sqlite3.Error):
        return problem(
            "log.db",
            f"{path} cannot be read: {counted}",
            repair="stop the service and bring the file back from a backup; keep the damaged one",
        )
    count, head = counted[0]
    if count != head:
        return problem(
            "log.db",
            f"{path} holds {count} events, and its last position is {head}",
            repair="stop the service and bring the file back from a backup; keep the damaged one",
        )
    return ok("log.db", f"{count} events, none missing")


def read_database(path: Path) -> Finding:
    """Whether the tables made from the log open, and how far they are."""
    found = _read(path, _TABLES)
    if found is None:
        return ok("read.db", "not there yet; it is made from the log")
    if isinstance(found, sqlite3.Error):
        return problem(
            "read.db",
            f"{path} cannot be read: {found}",
            repair="stop the service and remove read.db; it is made again from the log",
        )
    shown = ", ".join(f"{name} at position {position}" for name, position, *_ in found)
    stale = [_stale(*each) for each in found if any(each[2:])]
    if stale:
        return warning(
            "read.db",
            "; ".join(stale),
            repair="correct what the text names, then `waybill rebuild`",
        )
    return ok("read.db", shown or "empty")


_TABLES = """
SELECT name, position, error, unreadable, (
    SELECT count(*) FROM projection_quarantine AS q
    WHERE q.name = b.name AND q.version = b.version AND q.build = b.build
) FROM projection_builds AS b JOIN projection_active USING (name, version, build)
WHERE drop_after IS NULL ORDER BY name
"""


def _stale(name: object, position: object, error: object, unreadable: object, rows: object) -> str:
    said = f"{name} at position {position}"
    if error:
        said += f" stands still ({error})"
    if unreadable:
        said += f" left out events from position {unreadable} on"
    if rows:
        said += f" has set {rows} rows aside"
    return said


def _space(folder: Path, free: int) -> Finding:
    text = f"{folder} can be written to, {size(free)} are free"
    if free < NO_SPACE:
        return problem("data folder", text, repair="free some space before documents are lost")
    if free < LITTLE_SPACE:
        return warning("data folder", text, repair="free some space soon")
    return ok("data folder", text)


def _read(path: Path, question: str) -> list[tuple[object, ...]] | sqlite3.Error | None:
    """Asks without changing anything, also while the service runs; `None` if there is no file."""
    if not path.exists():
        return None
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            return connection.execute(question).fetchall()
    except sqlite3.Error as error:
        return error
