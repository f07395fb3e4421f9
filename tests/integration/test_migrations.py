"""The schemas that Alembic makes: the ones the code expects, on a new file and on an old one."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from events import keys
from events import tables as log_tables
from migrations import upgrade
from service.broker import tables as broker_tables
from tests.fakes import FakeClock
from tests.stores import append, everything, said, sqlite_log

Schema = Literal["log", "keys", "broker"]

SCHEMAS: list[tuple[Schema, MetaData]] = [
    ("log", log_tables.metadata),
    ("keys", keys.metadata),
    ("broker", broker_tables.metadata),
]
EACH = pytest.mark.parametrize(("schema", "metadata"), SCHEMAS, ids=["log", "keys", "broker"])


@EACH
def test_the_migrations_make_the_tables_that_the_code_uses(
    tmp_path: Path, schema: Schema, metadata: MetaData
) -> None:
    path = tmp_path / "new.db"
    upgrade(schema, path)

    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


@EACH
def test_an_upgrade_of_what_is_up_to_date_changes_nothing(
    tmp_path: Path, schema: Schema, metadata: MetaData
) -> None:
    path = tmp_path / "new.db"
    upgrade(schema, path)
    before = dump(path)

    upgrade(schema, path)

    assert dump(path) == before


@pytest.mark.parametrize("name", ["100% of it", "50%25", "what?", "no#1", "mine & yours"])
def test_a_path_that_looks_like_more_is_a_path_like_any_other(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    upgrade("log", folder / "log.db")

    assert (folder / "log.db").exists()


@pytest.mark.anyio
async def test_an_upgrade_keeps_what_is_recorded(tmp_path: Path, clock: FakeClock) -> None:
    async with sqlite_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "one", "two"))

    async with sqlite_log(tmp_path, clock) as store:  # which upgrades
        assert said(await everything(store)) == ["one", "two"]


def dump(path: Path) -> list[str]:
    """The whole file as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
