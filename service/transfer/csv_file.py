"""An export as CSV, for spreadsheets and whatever else reads nothing better."""

import csv
import os
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import BinaryIO

from events.store import Stored
from projections.views import instant
from service.storage.drafts import sync_folder
from service.transfer.rows import COLUMNS, row
from service.transfer.targets import (
    NotOurs,
    Origin,
    Reached,
    begun,
    keep_alone,
)

POSITION, CHAIN = COLUMNS.index("position"), COLUMNS.index("chain")
TIMES = (COLUMNS.index("occurred_at"), COLUMNS.index("recorded_at"))


class CsvFile:
    """A file that is new, or goes on behind its last whole row. Times are RFC 3339 in UTC."""

    def __init__(self, path: Path, origin: Origin) -> None:
        """Raises ``NotOurs`` when the file holds something else, and ``OSError``."""
        self._path = path
        self._file: BinaryIO = path.open("a+b")
        try:
            keep_alone(self._file.fileno(), path)
            self.reached = _continued(self._file, path) or _begun(self._file, origin)
        except BaseException:
            self._file.close()
            raise

    def write(self, page: Sequence[Stored]) -> None:
        """Append the events, and hand them to the system."""
        self._file.write(_text(_cells(stored) for stored in page))
        self._file.flush()
        self.reached = Reached(page[-1].position, page[-1].chain)

    def close(self) -> None:
        """Wait for the disk, and close the file."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
        sync_folder(self._path.parent)


def _cells(stored: Stored) -> list[object]:
    cells: list[object] = list(row(stored))
    cells[TIMES[0]] = instant(stored.occurred_at)
    cells[TIMES[1]] = instant(stored.recorded_at)
    return cells


def _text(rows: Iterator[list[object]]) -> bytes:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


_HEAD = _text(iter([list(COLUMNS)]))


def _begun(file: BinaryIO, origin: Origin) -> Reached:
    file.truncate(0)
    file.write(_HEAD)
    return begun(origin)


def _continued(file: BinaryIO, path: Path) -> Reached | None:
    """How far the file goes, cut off behind its last whole row; ``None`` if it has no row."""
    file.seek(0)
    first = file.readline(len(_HEAD))
    if first != _HEAD:
        if _HEAD.startswith(first):
            return None
        raise NotOurs(path, "it does not begin like an export of Waybill")
    last: tuple[list[str], int] | None = None
    try:
        for found in _whole_rows(file, len(_HEAD)):
            last = found
        if last is None:
            return None
        cells, end = last
        file.truncate(end)
        return Reached(int(cells[POSITION]), bytes.fromhex(cells[CHAIN]))
    except (ValueError, IndexError, csv.Error) as error:
        raise NotOurs(path, f"its rows are not those of an export ({error})") from error


def _whole_rows(file: BinaryIO, end: int) -> Iterator[tuple[list[str], int]]:
    """Every row that has its end, and where that is. A row may hold several lines."""
    read = end

    def lines() -> Iterator[str]:
        nonlocal read
        for line in file:
            if not line.endswith(b"\n"):
                return
            read += len(line)
            yield line.decode()

    reader = csv.reader(lines(), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if file.read(1):
                raise
            return  # the last row was cut off inside of quotation marks
        yield cells, read
