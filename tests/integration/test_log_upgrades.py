"""The log's schema on both databases: the same tables, old data kept, newer data refused."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from events.postgres import open_postgres
from events.sql import SqlEventStore, open_event_store
from events.sqlite import open_sqlite
from events.store import Stored, Unreadable
from events.tables import metadata
from events.verify import Verifier
from migrations import DatabaseIsNewer, upgrade
from tests.fakes import FakeClock
from tests.postgres import database_of, empty_database, server, upgrade_aside
from tests.stores import append

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "log.v1.sql"

Shape = dict[str, list[tuple[str, bool]]]


@pytest.fixture
def old_file(tmp_path: Path) -> Iterator[Path]:
    """A log as the first schema kept it, with three documents' lives in it."""
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text())
    yield path


async def test_on_postgresql_the_migrations_make_the_tables_that_the_code_uses(
    tmp_path: Path,
) -> None:
    async with open_postgres(database_of(tmp_path), "log", durability="full") as database:
        differences = await database.read(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )

    assert differences == []


async def test_both_databases_have_the_same_tables(tmp_path: Path) -> None:
    upgrade("log", tmp_path / "log.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'log.db'}")
    with engine.connect() as connection:
        on_sqlite = _shape(connection)
    engine.dispose()

    async with open_postgres(database_of(tmp_path), "log", durability="full") as database:
        assert await database.read(_shape) == on_sqlite


async def test_an_old_file_is_upgraded_with_its_data_and_still_verifies(
    old_file: Path, clock: FakeClock
) -> None:
    before = _rows(old_file)
    upgrade("log", old_file)

    async with _opened(old_file, clock) as store:
        log = await store.read_stored(after=0, limit=len(before) + 1)
        facts = [event.fact for event in await store.read_all(after=0, limit=len(before))]

    assert [(one.position, one.event_id, one.data.decode(), one.chain) for one in log] == before
    assert Verifier().check(log) is None
    assert not any(isinstance(fact, Unreadable) for fact in facts)


async def test_a_log_moves_from_sqlite_to_postgresql_byte_for_byte(
    old_file: Path, tmp_path: Path, clock: FakeClock
) -> None:
    upgrade("log", old_file)
    async with _opened(old_file, clock) as store:
        log = await store.read_stored(after=0, limit=1000)

    async with (
        open_postgres(database_of(tmp_path), "log", durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as there,
    ):
        await there.restore(log)
        moved: list[Stored] = await there.read_stored(after=0, limit=1000)

    assert moved == log


NEXT_STEP = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("streams", sa.Column("kind", sa.String, nullable=False, server_default="?"))
    op.execute("UPDATE streams SET kind = substr(name, 1, 3)")
    op.create_index("events_of_type", "events", ["type", "position"])
    op.execute("INSERT INTO log_info VALUES ('upgraded', 'by a test')")
"""
FAILING_STEP = (
    NEXT_STEP
    + """
    op.execute("INSERT INTO log_info VALUES ('upgraded', 'twice')")
"""
)


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """The migrations, with a second step of the log's: there is none yet of our own."""
    copied = tmp_path / "steps"
    shutil.copytree(ROOT / "migrations", copied)
    (copied / "log" / "versions" / "0002_next.py").write_text(NEXT_STEP)
    return copied


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_step_changes_the_tables_under_an_old_log_and_keeps_what_it_holds(
    old_file: Path, tmp_path: Path, clock: FakeClock, steps: Path, kind: str
) -> None:
    database = await _old_log(kind, old_file, tmp_path, clock)
    async with _log_at(database, clock) as store:
        before = await store.read_stored(after=0, limit=1000)

    await asyncio.to_thread(upgrade, "log", database, steps=steps)

    async with _log_at(database, clock) as store:
        assert await store.read_stored(after=0, limit=1000) == before
        await store.append(append("new", 0, "afterwards"))
        log = await store.read_stored(after=0, limit=1000)
        kinds = await store.database.read(
            lambda its: its.execute(text("SELECT DISTINCT kind FROM streams ORDER BY 1")).all()
        )
        with pytest.raises(DBAPIError, match="never changed"):
            await store.database.write(lambda its: its.execute(text("UPDATE events SET type = ''")))
    assert Verifier().check(log) is None
    assert len(log) == len(before) + 1 > 1
    assert [kind for (kind,) in kinds] == ["?", "doc"]
    with pytest.raises(DatabaseIsNewer, match="0002"):
        await asyncio.to_thread(upgrade, "log", database)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_step_that_fails_at_its_end_leaves_the_log_as_it_was(
    old_file: Path, tmp_path: Path, clock: FakeClock, steps: Path, kind: str
) -> None:
    database = await _old_log(kind, old_file, tmp_path, clock)
    (steps / "log" / "versions" / "0002_next.py").write_text(FAILING_STEP)

    with pytest.raises(DBAPIError):
        await asyncio.to_thread(upgrade, "log", database, steps=steps)

    (steps / "log" / "versions" / "0002_next.py").write_text(NEXT_STEP)
    await asyncio.to_thread(upgrade, "log", database)  # is what this code knows
    await asyncio.to_thread(upgrade, "log", database, steps=steps)  # nothing is in its way
    async with _log_at(database, clock) as store:
        assert Verifier().check(await store.read_stored(after=0, limit=1000)) is None


async def _old_log(kind: str, old_file: Path, tmp_path: Path, clock: FakeClock) -> Path | str:
    """The old log, on this database."""
    if kind == "sqlite":
        return old_file
    upgrade("log", old_file)
    async with _opened(old_file, clock) as store:
        log = await store.read_stored(after=0, limit=1000)
    url = database_of(tmp_path)
    async with _log_at(url, clock) as there:
        await there.restore(log)
    return url


@asynccontextmanager
async def _log_at(database: Path | str, clock: FakeClock) -> AsyncIterator[SqlEventStore]:
    if isinstance(database, Path):
        async with _opened(database, clock) as store:
            yield store
        return
    async with (
        open_postgres(database, "log", durability="full") as opened,
        open_event_store(opened, clock=clock, new_epoch=lambda: "e", shared=True) as store,
    ):
        yield store


def test_a_file_that_is_newer_than_the_code_is_refused(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = _rows(old_file)

    with pytest.raises(DatabaseIsNewer, match=r"log\.db was made by a newer Waybill.*9999"):
        upgrade("log", old_file)

    assert _rows(old_file) == before


def test_a_database_that_is_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    url = database_of(tmp_path)
    server().sql("UPDATE log.alembic_version SET version_num = '9999'", url.rpartition("/")[2])

    with pytest.raises(DatabaseIsNewer, match=r"made by a newer Waybill.*9999"):
        upgrade_aside(url)


def test_nodes_that_start_together_upgrade_one_after_the_other(tmp_path: Path) -> None:
    url = empty_database(tmp_path)

    command = "import sys; from migrations import upgrade; upgrade('log', sys.argv[1])"
    nodes = [subprocess.Popen([sys.executable, "-c", command, url], cwd=ROOT) for _ in range(3)]

    assert [node.wait(60) for node in nodes] == [0, 0, 0]

    [row] = server().sql("SELECT version_num FROM log.alembic_version", url.rpartition("/")[2])
    assert row["version_num"] == "0001"


def _shape(connection: Connection) -> Shape:
    seen = inspect(connection)
    return {
        table: [(column["name"], column["nullable"]) for column in seen.get_columns(table)]
        for table in seen.get_table_names()
    }


def _rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        found = "SELECT position, event_id, data, chain FROM events ORDER BY position"
        return connection.execute(found).fetchall()


@asynccontextmanager
async def _opened(path: Path, clock: FakeClock) -> AsyncIterator[SqlEventStore]:
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=lambda: "e") as store,
    ):
        yield store
