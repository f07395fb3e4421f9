"""From lines of JSON into an empty log, byte for byte; or on where an earlier import stopped."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from events.errors import InvalidEvent, WaybillError
from events.store import EventStore, Stored
from service.transfer.lines import LONGEST_LINE, BadLine, Heading, event_of, heading_of

BATCH = 1000
"""Events that are committed together."""

OnLine = Callable[[int], object]
"""Hears how many bytes of the file are done since it was last called."""


class NotRestored(WaybillError):
    """This log and these lines do not go together; the text says why, and which line it is."""


class Numbered:
    """The lines of an export, each with its number, from 1."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0
        self.heading_bytes = 0

    def heading(self) -> Heading:
        """The first line; raises ``NotRestored``."""
        self.number = 1
        line = self._file.readline(LONGEST_LINE)
        self.heading_bytes = len(line)
        try:
            return heading_of(line)
        except BadLine as error:
            raise NotRestored(f"line 1: {error}") from error

    def events(self) -> Iterator[tuple[int, int, Stored]]:
        """Each event with the number and the size of its line; raises ``NotRestored``."""
        while line := self._file.readline(LONGEST_LINE):
            self.number += 1
            try:
                yield self.number, len(line), event_of(line)
            except BadLine as error:
                raise NotRestored(f"line {self.number}: {error}") from error


async def restore(store: EventStore, lines: Numbered, heading: Heading, *, on_line: OnLine) -> int:
    """Write what the log does not hold yet; how many events that were. Raises ``NotRestored``."""
    head = await store.head()
    if head and heading.epoch != await store.epoch():
        raise NotRestored(
            f"there is a log already ({await store.epoch()}, {head} events), and it is another one "
            f"than the file's ({heading.epoch}); import into an empty database"
        )
    if heading.first != 1:
        raise NotRestored(
            f"the file begins at position {heading.first}; only an export that begins at 1 can be "
            "imported"
        )
    events = lines.events()
    await _skip(store, events, upto=head, on_line=on_line)
    return await _write(store, events, on_line)


async def _skip(
    store: EventStore, events: Iterator[tuple[int, int, Stored]], *, upto: int, on_line: OnLine
) -> None:
    """Go past what is there already, and make sure that it is the same."""
    if not upto:
        return
    [last] = await store.read_stored(after=upto - 1, limit=1)
    for number, size, event in events:
        on_line(size)
        if event.position >= upto:
            if event != last:
                raise NotRestored(
                    f"line {number}: position {event.position} is not the event that the log "
                    f"holds at position {upto}; import into an empty database"
                )
            return
    raise NotRestored(f"the log goes on to position {upto}, and the file ends before")


async def _write(
    store: EventStore, events: Iterator[tuple[int, int, Stored]], on_line: OnLine
) -> int:
    written = 0
    batch: list[tuple[int, int, Stored]] = []
    for one in events:
        batch.append(one)
        if len(batch) == BATCH:
            written += await _restored(store, batch, on_line)
            batch = []
    return written + await _restored(store, batch, on_line)


async def _restored(
    store: EventStore, batch: list[tuple[int, int, Stored]], on_line: OnLine
) -> int:
    if not batch:
        return 0
    try:
        await store.restore([event for _, _, event in batch])
    except InvalidEvent:
        await _one_by_one(store, batch)
    on_line(sum(size for _, size, _ in batch))
    return len(batch)


async def _one_by_one(store: EventStore, batch: list[tuple[int, int, Stored]]) -> None:
    """One of these lines is bad: what stands before it is written, and it is named."""
    for number, _, event in batch:
        try:
            await store.restore([event])
        except InvalidEvent as error:
            raise NotRestored(
                f"line {number}: {error}; what stands before it is imported, so repair the line "
                "(or take another copy) and start again"
            ) from error
