"""The keys: blocks of them, each key overwritten once it is destroyed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "key_blocks",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("secrets", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """There is no way back from the first version."""
    raise NotImplementedError("keys are never removed by a migration")
