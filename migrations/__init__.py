"""The schemas that must survive an upgrade: ``log``, ``keys`` and the broker's, ``broker``.

Alembic applies them; projections are not here, because they are made anew from the log.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, make_url

HERE = Path(__file__).parent


class DatabaseIsNewer(Exception):
    """The database was upgraded by a newer version of Waybill, which this one cannot read."""

    def __init__(self, where: str, revision: str, known: str) -> None:
        super().__init__(
            f"{where} was made by a newer Waybill: its schema is {revision}, and this one knows "
            f"schemas up to {known}; run the newer Waybill, or bring back a backup from before"
        )


def upgrade(
    schema: Literal["log", "keys", "broker"], database: Path | str, *, steps: Path = HERE
) -> None:
    """Bring the database to the newest version of the schema; it is made if need be.

    A step that fails leaves the database as it was before the first one.
    ``database`` is a SQLite file or the URL of a PostgreSQL database. Not to be called from a
    running event loop with a URL. Raises ``DatabaseIsNewer``, and the driver's own errors.
    """
    config = Config()
    config.set_main_option("script_location", str(steps / schema))
    # As an object: a folder's name may hold what a URL or Alembic's own format would read as more.
    config.attributes["url"] = _location(database)
    config.attributes["refuse_newer"] = _refuse_newer(ScriptDirectory.from_config(config), database)
    command.upgrade(config, "head")


def _location(database: Path | str) -> URL:
    if isinstance(database, Path):
        return URL.create("sqlite", database=str(database))
    url = make_url(database).set(drivername="postgresql+asyncpg")
    mode = url.query.get("sslmode")
    if mode is None:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _refuse_newer(scripts: ScriptDirectory, database: Path | str) -> Callable[[str | None], None]:
    def refuse(revision: str | None) -> None:
        known = {script.revision for script in scripts.walk_revisions()}
        if revision is not None and revision not in known:
            raise DatabaseIsNewer(_shown(database), revision, str(scripts.get_current_head()))

    return refuse


def _shown(database: Path | str) -> str:
    if isinstance(database, Path):
        return str(database)
    return make_url(database).render_as_string(hide_password=True)
