"""The events that the log, its floor and its peer all write: some 300 bytes each, in 64 streams."""

from collections.abc import Sequence
from uuid import UUID

from events.codec import encode
from events.document.facts import DocumentRegistered
from events.store import Append, NewEvent

STREAMS = 64
OCCURRED_AT = 1_700_000_000_000_000


def fact(number: int) -> DocumentRegistered:
    """The event with this number."""
    return DocumentRegistered(
        document_id=f"doc_{number:026d}",
        sha256=f"{number:064x}",
        bytes=1_500,
        content_type="application/pdf",
        blob_ref=f"documents/doc_{number:026d}",
        name="letter.pdf",
        owner="default",
        source="upload",
        processor="none",
        received_at=OCCURRED_AT + number,
    )


BYTES = len(encode(fact(1)).data)


def appends(count: int, *, streams: Sequence[int]) -> list[Append]:
    """So many appends of one event each, going round the streams."""
    return [
        Append(
            stream=f"document-{streams[number % len(streams)]:030d}",
            expected=number // len(streams),
            events=[event(number)],
        )
        for number in range(count)
    ]


def event(number: int) -> NewEvent:
    """The same as an append takes it."""
    return NewEvent(
        event_id=str(UUID(int=number)),
        fact=fact(number),
        occurred_at=OCCURRED_AT + number,
        correlation_id=f"doc_{number:026d}.0",
        meta={"node": "benchmark"},
    )


def encoded_fact() -> bytes:
    """One of these events as the log stores it."""
    return encode(fact(1)).data
