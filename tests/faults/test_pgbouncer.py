"""Behind a real PgBouncer in transaction mode everything works but `LISTEN`, which is said."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from events.errors import Conflict
from events.follow import follow
from events.hints import Hints
from events.postgres import open_postgres
from events.postgres_server import look_at
from events.sql import SqlEventStore, open_event_store
from tests.fakes import FakeClock
from tests.integration.commands_support import served, waybill
from tests.pgbouncer import PROGRAM, pooler
from tests.postgres import database_of, empty_database
from tests.stores import append, assert_whole, everything

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(PROGRAM is None, reason="no pooler: install pgbouncer"),
]

NODES = 2
WRITERS = 8
APPENDS = 10
PATIENCE = 60.0


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[str]:
    """The test's database as it is reached through the pooler."""
    name = database_of(tmp_path).rpartition("/")[2]
    with pooler() as port:
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}"


async def test_nodes_behind_a_pooler_share_its_connections_and_lose_nothing(
    pooled: str, clock: FakeClock
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        node(pooled, clock) as here,
        node(pooled, clock) as there,
    ):
        following = asyncio.create_task(first_of(there, NODES * WRITERS * APPENDS))
        await asyncio.gather(
            *(
                write(store, f"{name}-{writer}")
                for name, store in (("here", here), ("there", there))
                for writer in range(WRITERS)
            )
        )
        seen = await following
        with pytest.raises(Conflict):
            await there.append(append("here-0", APPENDS - 1, "too late"))
        log = await everything(here)
        processes, named = await here.database.read(connections)

    assert_whole(log)
    assert seen == [event.position for event in log] == list(range(1, len(log) + 1))
    assert len(log) == NODES * WRITERS * APPENDS
    assert 1 <= processes <= 3, "the nodes have more connections than the server, so they share"
    assert named == 0, "a statement with a name would be another client's next time"


async def test_a_pooler_is_recognised_and_nodes_say_that_they_look_once_a_second(
    pooled: str, tmp_path: Path, clock: FakeClock
) -> None:
    reports: list[str] = []
    told = asyncio.Event()

    def report(text: str) -> None:
        reports.append(text)
        told.set()

    assert (await look_at(pooled)).pooled
    assert not (await look_at(database_of(tmp_path))).pooled
    async with node(pooled, clock) as store:
        hints = asyncio.create_task(Hints(pooled, store.wakeup, report).run())
        async with asyncio.timeout(PATIENCE):
            await told.wait()
        hints.cancel()
        await asyncio.gather(hints, return_exceptions=True)

    [said] = reports
    assert "behind a pooler: we look once a second instead" in said


def test_the_product_runs_behind_a_pooler_from_an_empty_database_on(tmp_path: Path) -> None:
    name = empty_database(tmp_path).rpartition("/")[2]
    letter = tmp_path / "letter.pdf"
    with pooler() as port:
        database = {"WAYBILL_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{port}/{name}"}
        with served(tmp_path / "data", more=database) as url:
            letter.write_bytes(b"%PDF-1.4 nothing in it")
            done = waybill("upload", str(letter), "--watch", "--json", url=url)

    assert done.code == 4, done.err  # read to its end, which it cannot be
    assert done.objects[-1]["status"] == "failed"


@asynccontextmanager
async def node(url: str, clock: FakeClock) -> AsyncIterator[SqlEventStore]:
    async with (
        open_postgres(url, "log", durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
    ):
        yield store


async def write(store: SqlEventStore, stream: str) -> None:
    for number in range(APPENDS):
        await store.append(append(stream, number, "x"))


async def first_of(store: SqlEventStore, count: int) -> list[int]:
    seen: list[int] = []
    async for page in follow(store, after=0, wakeup=store.wakeup):
        seen += [event.position for event in page]
        if len(seen) >= count:
            break
    return seen


def connections(connection: Connection) -> tuple[int, int]:
    """How many server processes this database has, and how many names are known to ours."""
    processes = connection.execute(
        text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    ).scalar_one()
    named = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
    return processes, named
