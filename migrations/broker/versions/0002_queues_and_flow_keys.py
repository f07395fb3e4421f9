"""Queues, the state of flow-control keys, and who has a message in hand."""

from alembic import op
from sqlalchemy import Column, Integer, Text, text

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_ADDED = ("queue", "turn_of", "host", "holder")


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("messages", Column(name, Text))
    op.add_column("messages", Column("lease", Integer))
    _indexes()
    op.create_table(
        "queues",
        Column("name", Text, primary_key=True),
        Column("parallelism", Integer, nullable=False),
        Column("paused", Integer, nullable=False),
        Column("deleted", Integer, nullable=False),
        Column("created_at", Integer, nullable=False),
        Column("updated_at", Integer, nullable=False),
        Column("ready_at", Integer),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "queues_ready", "queues", ["ready_at"], sqlite_where=text("ready_at IS NOT NULL")
    )
    op.create_table(
        "flow_keys",
        Column("key", Text, primary_key=True),
        Column("parallelism", Integer),
        Column("rate", Integer),
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
    op.create_index(
        "flow_keys_ready", "flow_keys", ["ready_at"], sqlite_where=text("ready_at IS NOT NULL")
    )
    _keys_of_what_is_under_way()


def _indexes() -> None:
    op.drop_index("messages_parked", "messages")
    op.create_index(
        "messages_of_key",
        "messages",
        ["flow_key", "place", "sequence"],
        sqlite_where=text("finished_at IS NULL AND flow_key IS NOT NULL"),
    )
    op.create_index(
        "messages_of_queue",
        "messages",
        ["queue", "place", "sequence"],
        sqlite_where=text("finished_at IS NULL AND queue IS NOT NULL"),
    )
    op.create_index(
        "messages_with_turn",
        "messages",
        ["turn_of"],
        sqlite_where=text("finished_at IS NULL AND turn_of IS NOT NULL"),
    )
    op.create_index(
        "messages_aside", "messages", ["host", "sequence"], sqlite_where=text("place = 'aside'")
    )


def _keys_of_what_is_under_way() -> None:
    # The newest message of a key has said what holds for it.
    op.execute(
        """
        INSERT INTO flow_keys
        SELECT flow_key,
               json_extract(CAST(options AS TEXT), '$.flow.parallelism'),
               json_extract(CAST(options AS TEXT), '$.flow.rate'),
               coalesce(json_extract(CAST(options AS TEXT), '$.flow.period'), 1),
               0, 0, 0, 0, 0, created_at, 0
        FROM messages
        WHERE sequence IN (
            SELECT max(sequence) FROM messages
            WHERE finished_at IS NULL AND flow_key IS NOT NULL
            GROUP BY flow_key
        )
        """
    )


def downgrade() -> None:
    op.drop_table("flow_keys")
    op.drop_table("queues")
    for name in ("messages_aside", "messages_with_turn", "messages_of_queue", "messages_of_key"):
        op.drop_index(name, "messages")
    op.execute(
        "UPDATE messages SET place = 'waiting'"
        " WHERE finished_at IS NULL AND place IN ('aside', 'queued')"
    )
    for name in ("lease", *reversed(_ADDED)):
        op.drop_column("messages", name)
    op.create_index(
        "messages_parked",
        "messages",
        ["flow_key", "sequence"],
        sqlite_where=text("place = 'parked'"),
    )
