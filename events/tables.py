"""The log's tables. Alembic makes them (``migrations/log``); a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

streams = Table(
    "streams",
    metadata,
    # Given by us, 1, 2, 3, ...: see ``events.appending``.
    Column("stream_no", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
)

events = Table(
    "events",
    metadata,
    # Positions are given by us, 1..N: a database's own counter leaves gaps, or reuses the last.
    Column(
        "position",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("stream_no", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("type", String, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("causation_id", String, nullable=True),
    # Text, not JSONB: the bytes are hashed, and analysts can still query them as JSON.
    Column("data", Text, nullable=False),
    Column("meta", Text, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    UniqueConstraint("stream_no", "version", name="events_stream_version"),
)

log_info = Table(
    "log_info",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
