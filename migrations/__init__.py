"""The schemas that must survive an upgrade: the log's (``log``) and the broker's (``broker``).

Alembic applies them; projections are not here, because they are made anew from the log.
"""

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def upgrade(schema: Literal["log", "broker"], url: str) -> None:
    """Bring the database at this SQLAlchemy URL to the newest version of the schema."""
    config = Config()
    config.set_main_option("script_location", str(HERE / schema))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
