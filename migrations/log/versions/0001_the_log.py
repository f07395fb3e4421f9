"""The log: streams, events and the log's name."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ON_SQLITE = """
CREATE TRIGGER events_no_{verb} BEFORE {event} ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed or removed');
END
"""

_ON_POSTGRESQL = (
    """
    CREATE FUNCTION events_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'events are never changed or removed' USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_never_change()
    """,
    """
    CREATE TRIGGER events_no_removal BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_never_change()
    """,
)


def upgrade() -> None:
    """Make the tables, and refuse to change what is recorded."""
    op.create_table(
        "streams",
        sa.Column("stream_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("stream_no", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("correlation_id", sa.String, nullable=False),
        sa.Column("causation_id", sa.String, nullable=True),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("meta", sa.Text, nullable=False),
        sa.Column("chain", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("stream_no", "version", name="events_stream_version"),
    )
    op.create_table(
        "log_info",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in _ON_POSTGRESQL:
            op.execute(statement)
        return
    op.execute(_ON_SQLITE.format(verb="change", event="UPDATE"))
    op.execute(_ON_SQLITE.format(verb="removal", event="DELETE"))


def downgrade() -> None:
    """There is no way back from the first version."""
    raise NotImplementedError("the log is never removed by a migration")
