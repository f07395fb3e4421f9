"""The broker's tables, in one SQLite file. Times are microseconds since the epoch."""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

__all__ = [
    "dead_letters",
    "deduplication",
    "flow_keys",
    "log_entries",
    "marks",
    "messages",
    "metadata",
    "queues",
    "schedules",
    "signing_keys",
    "url_groups",
]

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    # Grows with time and is never used twice, so log entries may outlive what they speak of.
    Column("sequence", Integer, primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("place", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("options", LargeBinary, nullable=False),
    Column("flow_key", Text),
    # Between commas, also around: `,a,b,`.
    Column("labels", Text),
    Column("caller_ip", Text),
    Column("retried", Integer, nullable=False),
    Column("cancel_requested", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("not_before", Integer, nullable=False),
    Column("due_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("queue", Text),
    # The queue in which it has its turn, or whose turn it prolongs, as a callback does.
    Column("turn_of", Text),
    # Of its destination: `example.com:8080`.
    Column("host", Text),
    # The engine that has it in hand, and a number that grows while that engine lives.
    Column("holder", Text),
    Column("lease", Integer),
    Column("group_name", Text),
    Column("schedule_id", Text),
)

Index(
    "messages_open",
    messages.c.place,
    messages.c.due_at,
    sqlite_where=text("finished_at IS NULL"),
)
# For people who look; it holds only those that failed before.
Index(
    "messages_retrying",
    messages.c.place,
    messages.c.due_at,
    sqlite_where=text("finished_at IS NULL AND retried > 0"),
)
Index(
    "messages_of_key",
    messages.c.flow_key,
    messages.c.place,
    messages.c.sequence,
    sqlite_where=text("finished_at IS NULL AND flow_key IS NOT NULL"),
)
Index(
    "messages_of_queue",
    messages.c.queue,
    messages.c.place,
    messages.c.sequence,
    sqlite_where=text("finished_at IS NULL AND queue IS NOT NULL"),
)
Index(
    "messages_with_turn",
    messages.c.turn_of,
    sqlite_where=text("finished_at IS NULL AND turn_of IS NOT NULL"),
)
Index(
    "messages_aside",
    messages.c.host,
    messages.c.sequence,
    sqlite_where=text("place = 'aside'"),
)
Index(
    "messages_finished",
    messages.c.finished_at,
    sqlite_where=text("finished_at IS NOT NULL"),
)

queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("parallelism", Integer, nullable=False),
    Column("paused", Integer, nullable=False),
    # Gone for the API; its row stays until the last of its messages has had its turn.
    Column("deleted", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    # When to look whether it can give a turn; NULL until something happens to it.
    Column("ready_at", Integer),
    sqlite_with_rowid=False,
)
Index("queues_ready", queues.c.ready_at, sqlite_where=text("ready_at IS NOT NULL"))

flow_keys = Table(
    "flow_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("parallelism", Integer),
    Column("rate", Integer),
    # Seconds.
    Column("period", Integer, nullable=False),
    Column("paused", Integer, nullable=False),
    Column("pinned_parallelism", Integer, nullable=False),
    Column("pinned_rate", Integer, nullable=False),
    Column("period_start", Integer, nullable=False),
    Column("rate_count", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Column("ready_at", Integer),
    sqlite_with_rowid=False,
)
Index("flow_keys_ready", flow_keys.c.ready_at, sqlite_where=text("ready_at IS NOT NULL"))

log_entries = Table(
    "log_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # Error, next delivery, answer: JSON, absent for most.
    Column("details", LargeBinary),
)
Index("log_entries_of_message", log_entries.c.sequence)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True),
    Column("failed_at", Integer, nullable=False),
    Column("response_status", Integer, nullable=False),
    Column("response_headers", LargeBinary, nullable=False),
    Column("response_body", LargeBinary, nullable=False),
)

deduplication = Table(
    "deduplication",
    metadata,
    Column("name", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("expires_at", Integer, nullable=False),
    sqlite_with_rowid=False,
)

Index("deduplication_expiring", deduplication.c.expires_at)

url_groups = Table(
    "url_groups",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    # Lists, as JSON.
    Column("endpoints", LargeBinary, nullable=False),
    Column("defaults", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

schedules = Table(
    "schedules",
    metadata,
    Column("schedule_id", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("destination", Text, nullable=False),
    # What its messages are published with, as it came.
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("queue", Text),
    Column("caller_ip", Text),
    Column("created_at", Integer, nullable=False),
    Column("paused", Integer, nullable=False),
    # NULL while it is paused.
    Column("next_at", Integer),
    Column("last_at", Integer),
    Column("last_messages", LargeBinary, nullable=False),
    Column("error", Text),
)
Index("schedules_due", schedules.c.next_at, sqlite_where=text("next_at IS NOT NULL"))

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("role", Text, primary_key=True),
    Column("key", Text, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)
