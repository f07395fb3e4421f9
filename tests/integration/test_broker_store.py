"""The broker's file: its schema, its modes, its query plans, its shared commits."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from service.broker import claims, lanes, leases
from service.broker.addressing import Wanted
from service.broker.credentials import TOKEN_FILE, open_credentials
from service.broker.rapid import Rapid
from service.broker.tables import metadata
from tests.brokers import Network, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def schema_of(path: Path) -> dict[str, object]:
    """Tables by their columns, as a column added later is written differently; indexes as text."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master"
            " WHERE sql IS NOT NULL AND name <> 'alembic_version'"
        )
        found: dict[str, object] = {}
        for kind, name, sql in rows.fetchall():
            columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            without_rowid = "WITHOUT ROWID" in sql
            found[name] = (columns, without_rowid) if kind == "table" else " ".join(sql.split())
    connection.close()
    return found


def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    made = tmp_path / "made.db"
    engine = create_engine(f"sqlite:///{made}")
    metadata.create_all(engine)
    engine.dispose()

    assert schema_of(migrated(tmp_path)) == schema_of(made)


def plan_of(path: Path, statement: Any) -> str:
    rapid = statement if isinstance(statement, Rapid) else Rapid(statement)
    with sqlite3.connect(path) as connection:
        explain = f"EXPLAIN QUERY PLAN {rapid.text}"
        rows = connection.execute(explain, (0,) * rapid.text.count("?")).fetchall()
    connection.close()
    return " | ".join(row[3] for row in rows)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (claims._DUE, "messages_open"),
        (claims._ASIDE, "messages_aside"),
        (leases._NEXT, "messages_open"),
        (leases._OTHERS, "messages_open"),
        (lanes._PARKED, "messages_of_key"),
        (lanes._QUEUED, "messages_of_queue"),
        (lanes._TURNS, "messages_with_turn"),
        (leases._RENEWED, "messages_open"),
        (leases._HELD, "messages_open"),
    ],
)
def test_what_is_due_is_found_by_an_index(tmp_path: Path, statement: object, index: str) -> None:
    plan = plan_of(migrated(tmp_path), statement)

    assert plan.startswith("SEARCH messages USING")
    assert f"INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


def test_a_start_reads_no_message_that_waits(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    statements = (leases._NEXT, leases._OTHERS, leases._HELD, leases._HOSTS)
    lanes_only = (lanes._NEXT_QUEUE, lanes._NEXT_KEY, lanes._READY_QUEUES)

    plans = [plan_of(database, statement) for statement in (*statements, *lanes_only)]

    assert not [plan for plan in plans if "SCAN messages" in plan]
    assert "messages_aside" in plan_of(database, leases._HOSTS)
    assert "messages_of_key" in plan_of(database, lanes._READY_KEYS)
    assert "messages_of_key" in plan_of(database, lanes._WAKE_KEYS)


def test_credentials_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    secrets = iter(["one", "two", "three", "four", "five", "six"])

    first = open_credentials(folder=tmp_path, database=database, new_secret=lambda: next(secrets))
    again = open_credentials(folder=tmp_path, database=database, new_secret=lambda: next(secrets))

    assert first == again
    assert first.current_signing_key.startswith("sig_")
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    assert database.stat().st_mode & 0o777 == 0o600


def test_an_empty_token_file_is_told(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    (tmp_path / TOKEN_FILE).write_text("\n")

    with pytest.raises(ValueError, match="is empty"):
        open_credentials(folder=tmp_path, database=database, new_secret=lambda: "s")


async def test_the_message_of_a_publisher_that_has_gone_is_delivered(tmp_path: Path) -> None:
    network = Network(FakeClock())
    app = broker_over(migrated(tmp_path), sender=network)
    async with app.lifespan():
        broker = app.state.broker
        wanted = Wanted(destination="http://example.com/x", headers=[], body=b"", caller_ip=None)
        publications = (await broker.addressed(wanted)).publications

        publishing = asyncio.create_task(broker.publish(publications))
        asyncio.get_running_loop().call_soon(publishing.cancel)
        with pytest.raises(asyncio.CancelledError):
            await publishing

        await network.sends(1)
