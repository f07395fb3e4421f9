"""The schemas that must survive an upgrade: the log's (``log``) and the broker's (``broker``).

Alembic applies them; projections are not here, because they are made anew from the log.
"""

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

HERE = Path(__file__).parent


def upgrade(schema: Literal["log", "broker"], database: Path) -> None:
    """Bring this SQLite file to the newest version of the schema; it is made if need be."""
    config = Config()
    config.set_main_option("script_location", str(HERE / schema))
    # As an object: a folder's name may hold what a URL or Alembic's own format would read as more.
    config.attributes["url"] = URL.create("sqlite", database=str(database))
    command.upgrade(config, "head")
