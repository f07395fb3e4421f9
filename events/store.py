"""The promise every log keeps, and its words.

* Positions are 1, 2, 3, ... without a gap, in the order in which appends became durable.
* A reader's view is a prefix: nothing ever appears below a position that was read.
* The versions of a stream are 1, 2, 3, ... and rise with the position.
* An append is all or nothing, and what it returned for is durable.
* Of many appends that expect the same version exactly one wins; the others get ``Conflict``.
* ``recorded_at`` never decreases.

One contract suite holds every store to this promise (``tests/contract/test_event_store.py``).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from events.document.facts import DocumentEvent

NO_STREAM = 0
"""The expected version of a stream that must not exist yet."""

PAGE = 500
"""How many events one read of the log returns at most."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
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


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """Events for one stream, to be stored only if the stream is at ``expected``."""

    stream: str
    expected: int
    events: Sequence[NewEvent]


class Appended(msgspec.Struct, frozen=True):
    """Where the events of an append are: positions ``first`` to ``last``, stream ``version``."""

    first: int
    last: int
    version: int
    recorded: Sequence["Recorded"] = ()


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
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
    fact: DocumentEvent
    meta: dict[str, Any]
    chain: bytes


class EventStore(Protocol):
    """An append-only log of events in streams."""

    async def append(self, append: Append) -> Appended:
        """Store the events durably; raises ``Conflict``, ``Overloaded`` or ``LogUnavailable``."""
        ...

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``, oldest first."""
        ...

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events at the positions ``after + 1`` and following."""
        ...

    async def head(self) -> int:
        """The highest position; 0 when the log is empty."""
        ...

    async def epoch(self) -> str:
        """The log's name for itself, made with it; positions of another epoch mean nothing here."""
        ...


def document_stream(document_id: str) -> str:
    """The stream that holds a document's life."""
    return f"document-{document_id}"
