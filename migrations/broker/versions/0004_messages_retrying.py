"""An index of the messages that failed before and are to be tried again, for who looks at them."""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index(
        "messages_retrying",
        "messages",
        ["place", "due_at"],
        sqlite_where=text("finished_at IS NULL AND retried > 0"),
    )
