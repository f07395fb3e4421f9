"""URL groups, schedules, and which of them made a message."""

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary, Text, text

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("messages", Column("group_name", Text))
    op.add_column("messages", Column("schedule_id", Text))
    op.create_table(
        "url_groups",
        Column("name", Text, primary_key=True),
        Column("created_at", Integer, nullable=False),
        Column("updated_at", Integer, nullable=False),
        Column("endpoints", LargeBinary, nullable=False),
        Column("defaults", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "schedules",
        Column("schedule_id", Text, primary_key=True),
        Column("cron", Text, nullable=False),
        Column("destination", Text, nullable=False),
        Column("headers", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("queue", Text),
        Column("caller_ip", Text),
        Column("created_at", Integer, nullable=False),
        Column("paused", Integer, nullable=False),
        Column("next_at", Integer),
        Column("last_at", Integer),
        Column("last_messages", LargeBinary, nullable=False),
        Column("error", Text),
    )
    op.create_index(
        "schedules_due", "schedules", ["next_at"], sqlite_where=text("next_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_table("schedules")
    op.drop_table("url_groups")
    op.drop_column("messages", "schedule_id")
    op.drop_column("messages", "group_name")
