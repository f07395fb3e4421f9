"""An export as JSON lines in a file: the stored bytes, for a backup and for ``waybill import``.

Every line but the last is whole whatever happens to us, so whoever goes on cuts off the last one if
it is not, and continues behind the event before it.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from events.store import Stored
from service.storage.drafts import sync_folder
from service.transfer.lines import (
    LONGEST_LINE,
    BadLine,
    Heading,
    event_line,
    event_of,
    heading_line,
    heading_of,
)
from service.transfer.targets import (
    NotOurs,
    Origin,
    Reached,
    begun,
    check_epoch,
    from_text,
    keep_alone,
    shown,
)

_BLOCK = 1 << 16


class LineFile:
    """A file that is new, or goes on."""

    def __init__(self, path: Path, origin: Origin) -> None:
        """Raises ``NotOurs`` when the file holds something else, and ``OSError``."""
        self._path = path
        heading = _heading(origin)
        self._file: BinaryIO = path.open("a+b")
        try:
            keep_alone(self._file.fileno(), path)
            self.reached = _continued(self._file, path, heading) or _begun(self._file, origin)
        except BaseException:
            self._file.close()
            raise

    def write(self, page: Sequence[Stored]) -> None:
        """Append the events, and hand them to the system."""
        self._file.write(b"".join(map(event_line, page)))
        self._file.flush()
        self.reached = Reached(page[-1].position, page[-1].chain)

    def close(self) -> None:
        """Wait for the disk, and close the file."""
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
        sync_folder(self._path.parent)


class LineStream:
    """The same lines on standard output: nothing of it can be continued."""

    def __init__(self, stream: BinaryIO, origin: Origin) -> None:
        self._stream = stream
        self._stream.write(heading_line(_heading(origin)))
        self.reached = begun(origin)

    def write(self, page: Sequence[Stored]) -> None:
        """Print the events."""
        self._stream.write(b"".join(map(event_line, page)))
        self.reached = Reached(page[-1].position, page[-1].chain)

    def close(self) -> None:
        """Hand the last of it on."""
        self._stream.flush()


def _heading(origin: Origin) -> Heading:
    chain_before = shown(origin.chain_before)
    return Heading(epoch=origin.epoch, first=origin.first, chain_before=chain_before)


def _begun(file: BinaryIO, origin: Origin) -> Reached:
    file.truncate(0)
    file.write(heading_line(_heading(origin)))
    return begun(origin)


def _continued(file: BinaryIO, path: Path, wanted: Heading) -> Reached | None:
    """How far the file goes, cut off behind its last whole line; ``None`` if it has to begin."""
    file.seek(0)
    first = file.readline(LONGEST_LINE)
    if not first.endswith(b"\n"):
        # Nothing, or a first line that was cut off: there is nothing to lose.
        if heading_line(wanted).startswith(first):
            return None
        raise NotOurs(path, "it does not begin like an export of Waybill")
    try:
        heading = heading_of(first)
        check_epoch(path, found=heading.epoch, wanted=wanted.epoch)
        end = _cut(file)
        last = _last_line(file, end)
        if end == len(first):
            return Reached(heading.first - 1, from_text(heading.chain_before))
        event = event_of(last)
    except BadLine as error:
        raise NotOurs(path, str(error)) from error
    return Reached(event.position, event.chain)


def _cut(file: BinaryIO) -> int:
    """Remove what stands behind the last line end; where the file ends then."""
    end = file.seek(0, os.SEEK_END)
    found = _line_end_before(file, end)
    file.truncate(found)
    return found


def _last_line(file: BinaryIO, end: int) -> bytes:
    begin = _line_end_before(file, end - 1)
    if end - begin > LONGEST_LINE:
        raise BadLine("its last line is longer than any event")
    file.seek(begin)
    return file.read(end - begin)


def _line_end_before(file: BinaryIO, position: int) -> int:
    """The place behind the last line end before ``position``; 0 if there is none."""
    while position > 0:
        begin = max(0, position - _BLOCK)
        file.seek(begin)
        found = file.read(position - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        position = begin
    return 0
