"""The promise every log keeps, and its words.

* Positions are 1, 2, 3, ... without a gap, in the order in which appends became durable.
* A reader's view is a prefix: nothing ever appears below a position that was read.
* The versions of a stream are 1, 2, 3, ... and rise with the position.
* An append is all or nothing, and what it returned for is durable.
* Of many appends that expect the same version exactly one wins; the others get ``Conflict``.
* An append that is repeated with the same event ids is stored once, and answered as the first time.
* ``recorded_at`` never decreases.

One contract suite holds every store to this promise (``tests/contract/test_event_store.py``).
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from events.document.facts import DocumentEvent

NO_STREAM = 0
"""The expected version of a stream that must not exist yet."""

ANY = -1
"""Append wherever the stream is: only for bookkeeping that may be counted twice."""

PAGE = 500
"""How many events one read of the log returns at most."""

_DOCUMENT = "document-"

# Nothing below can be part of a cycle (values are frozen, and made of earlier ones), so the garbage
# collector need not look at it: of a full log's pages it would look at hundreds of thousands.


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact on its way into the log.

    ``event_id`` is a UUID made by the caller, so that a repeated append can be recognised;
    ``occurred_at`` is the caller's clock in microseconds since the epoch.
    """

    event_id: str
    fact: DocumentEvent
    occurred_at: int
    correlation_id: str
    causation_id: str | None = None
    meta: dict[str, str] = {}


class Append(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Events for one stream, to be stored only if the stream is at ``expected``."""

    stream: str
    expected: int
    events: Sequence[NewEvent]


class Unreadable(msgspec.Struct, frozen=True):
    """Stands for a fact that this code cannot read: an unknown type, a newer version, damage.

    ``document_id`` is the document it is about, as far as that can be told (else empty).
    """

    document_id: str
    type: str
    version: int
    why: str


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A fact in the log."""

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    schema_version: int
    occurred_at: int
    recorded_at: int
    correlation_id: str
    causation_id: str | None
    fact: DocumentEvent | Unreadable
    meta: dict[str, str]
    chain: bytes


class Stored(msgspec.Struct, frozen=True, gc=False):
    """An event as the database holds it, undecoded: for export, import and verification."""

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    schema_version: int
    occurred_at: int
    recorded_at: int
    correlation_id: str
    causation_id: str | None
    data: bytes
    meta: bytes
    chain: bytes


class Appended(msgspec.Struct, frozen=True, gc=False):
    """Where the events of an append are: positions ``first`` to ``last``, stream ``version``.

    ``repeated`` says that they were there already: the same append had been stored before.
    """

    first: int
    last: int
    version: int
    recorded: Sequence[Recorded] = ()
    repeated: bool = False


class EventStore(Protocol):
    """An append-only log of events in streams."""

    async def append(self, append: Append) -> Appended:
        """Store the events durably.

        Raises ``Conflict``, ``CorruptedIdempotency``, ``InvalidEvent``, ``Overloaded`` or
        ``LogUnavailable``; then nothing is stored, unless the last one says that it cannot tell.
        """
        ...

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``, oldest first."""
        ...

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events at the positions ``after + 1`` and following.

        Raises ``Archived`` when the first of them is not in the database any more.
        """
        ...

    async def read_stored(self, *, after: int, limit: int = PAGE) -> list[Stored]:
        """The same page as it is stored; damaged text comes with replacement characters."""
        ...

    async def restore(self, stored: Sequence[Stored]) -> None:
        """Write these events, unchanged, at the next positions; all or none.

        Raises ``InvalidEvent`` when they do not follow on what is here (position, version, time,
        chain).
        """
        ...

    async def head(self) -> int:
        """The highest position; 0 when the log is empty."""
        ...

    async def floor(self) -> int:
        """The highest position that is archived; reading begins behind it. 0 if nothing is."""
        ...

    async def position_at(self, microseconds: int) -> int:
        """The last position that was recorded at this time or before; ``floor`` if none was."""
        ...

    async def epoch(self) -> str:
        """The log's name for itself, made with it; positions of another epoch mean nothing here."""
        ...


def document_stream(document_id: str) -> str:
    """The stream that holds a document's life."""
    return f"{_DOCUMENT}{document_id}"


def document_of(stream: str) -> str:
    """The document whose life this stream holds; empty if it holds something else."""
    return stream.removeprefix(_DOCUMENT) if stream.startswith(_DOCUMENT) else ""
