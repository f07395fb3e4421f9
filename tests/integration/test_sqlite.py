"""How SQLite really holds the log: what the connections answer when they are asked."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection

from events.database import Durability
from events.sql import SqlEventStore
from events.sqlite import SqliteDatabase, open_sqlite
from events.sqlite_engines import READERS
from events.wal import CHECKPOINT_BYTES
from migrations import upgrade
from tests.fakes import FakeClock
from tests.stores import append, sqlite_log

pytestmark = pytest.mark.anyio

Answers = dict[str, int | str]

NORMAL, FULL = 1, 2
"""`synchronous` in SQLite's numbers: with the lower one a power cut may take the last commits."""
ASKED = (
    "busy_timeout",
    "foreign_keys",
    "journal_mode",
    "journal_size_limit",
    "query_only",
    "secure_delete",
    "synchronous",
    "wal_autocheckpoint",
)


def answers(connection: Connection) -> Answers:
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ASKED}


@pytest.mark.parametrize(("durability", "synchronous"), [("full", FULL), ("relaxed", NORMAL)])
async def test_the_connection_that_writes_waits_for_the_disk_as_it_was_told(
    tmp_path: Path, durability: Durability, synchronous: int
) -> None:
    upgrade("log", tmp_path / "log.db")
    async with open_sqlite(tmp_path / "log.db", durability=durability) as database:
        first = await database.write(answers)
        await database.scrub(rewrite=True)  # and after what is done to it now and then
        second = await database.write(answers)

    assert (
        first
        == second
        == {
            "busy_timeout": 0,
            "foreign_keys": 1,
            "journal_mode": "wal",
            "journal_size_limit": CHECKPOINT_BYTES,
            "query_only": 0,
            "secure_delete": 1,
            "synchronous": synchronous,
            "wal_autocheckpoint": 0,
        }
    )


async def test_a_connection_that_was_opened_anew_waits_for_the_disk_too(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path, FakeClock()) as store:
        await store.append(append("a", 0, "x"))
        assert isinstance(store, SqlEventStore)
        database = store.database
        assert isinstance(database, SqliteDatabase)
        await database._disconnect()  # as after any trouble with the disk
        await store.append(append("a", 1, "y"))

        assert (await database.write(answers))["synchronous"] == FULL


async def test_those_that_read_can_do_nothing_else_and_never_checkpoint(tmp_path: Path) -> None:
    together = asyncio.Barrier(READERS)

    async def ask(database: SqliteDatabase) -> Answers:
        await together.wait()
        return await database.read(answers)

    upgrade("log", tmp_path / "log.db")
    async with open_sqlite(tmp_path / "log.db", durability="full") as database:
        told = await asyncio.gather(*(ask(database) for _ in range(READERS)))

    for one in told:
        assert (one["query_only"], one["wal_autocheckpoint"]) == (1, 0)
