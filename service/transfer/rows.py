"""An event as a row for analysts: the columns of an export as CSV and Parquet."""

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


def row(stored: Stored) -> Row:
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
        stored.data.decode(),
        stored.meta.decode(),
        stored.chain.hex(),
    )
