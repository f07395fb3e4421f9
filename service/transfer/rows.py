"""An event as a row for analysts: the columns of an export as CSV and Parquet."""

from collections.abc import Callable

from events.store import Stored, document_of

COLUMNS = (
    "position",
    "document_id",
    "stream",
    "version",
    "event_id",
    "type",
    "schema_version",
    "occurred_at",
    "recorded_at",
    "correlation_id",
    "causation_id",
    "data",
    "meta",
    "chain",
)
"""Times are those of the log; ``data`` and ``meta`` are JSON in text; ``chain`` is hexadecimal."""

Row = tuple[int, str, str, int, str, str, int, int, int, str, str | None, str, str, str]

Reveal = Callable[[Stored], bytes]
"""Gives an event's data as an analyst may read it."""


def as_stored(stored: Stored) -> bytes:
    """The data as it is: nothing in it is opened."""
    return stored.data


def row(stored: Stored, reveal: Reveal) -> Row:
    """The values of ``COLUMNS``; times in microseconds since the epoch."""
    return (
        stored.position,
        document_of(stored.stream),
        stored.stream,
        stored.version,
        stored.event_id,
        stored.type,
        stored.schema_version,
        stored.occurred_at,
        stored.recorded_at,
        stored.correlation_id,
        stored.causation_id,
        reveal(stored).decode(),
        stored.meta.decode(),
        stored.chain.hex(),
    )
