"""Messages, their log, dead letters, deduplication names and signing keys."""

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary, Text, text

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    _messages()
    op.create_table(
        "log_entries",
        Column("id", Integer, primary_key=True),
        Column("sequence", Integer, nullable=False),
        Column("at", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("details", LargeBinary),
    )
    op.create_index("log_entries_of_message", "log_entries", ["sequence"])
    op.create_table(
        "dead_letters",
        Column("id", Integer, primary_key=True),
        Column("sequence", Integer, nullable=False, unique=True),
        Column("failed_at", Integer, nullable=False),
        Column("response_status", Integer, nullable=False),
        Column("response_headers", LargeBinary, nullable=False),
        Column("response_body", LargeBinary, nullable=False),
    )
    op.create_table(
        "deduplication",
        Column("name", Text, primary_key=True),
        Column("message_id", Text, nullable=False),
        Column("expires_at", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("deduplication_expiring", "deduplication", ["expires_at"])
    op.create_table(
        "signing_keys",
        Column("role", Text, primary_key=True),
        Column("key", Text, nullable=False),
    )
    op.create_table(
        "marks",
        Column("name", Text, primary_key=True),
        Column("value", Integer, nullable=False),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        Column("sequence", Integer, primary_key=True),
        Column("message_id", Text, nullable=False, unique=True),
        Column("place", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("headers", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("options", LargeBinary, nullable=False),
        Column("flow_key", Text),
        Column("labels", Text),
        Column("caller_ip", Text),
        Column("retried", Integer, nullable=False),
        Column("cancel_requested", Integer, nullable=False),
        Column("created_at", Integer, nullable=False),
        Column("not_before", Integer, nullable=False),
        Column("due_at", Integer, nullable=False),
        Column("finished_at", Integer),
    )
    op.create_index(
        "messages_open",
        "messages",
        ["place", "due_at"],
        sqlite_where=text("finished_at IS NULL"),
    )
    op.create_index(
        "messages_parked",
        "messages",
        ["flow_key", "sequence"],
        sqlite_where=text("place = 'parked'"),
    )
    op.create_index(
        "messages_finished",
        "messages",
        ["finished_at"],
        sqlite_where=text("finished_at IS NOT NULL"),
    )


def downgrade() -> None:
    for table in (
        "marks",
        "signing_keys",
        "deduplication",
        "dead_letters",
        "log_entries",
        "messages",
    ):
        op.drop_table(table)
