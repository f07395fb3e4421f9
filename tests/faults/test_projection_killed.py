"""Killed between any two statements, a table is the fold of the log up to its checkpoint (F12)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, inspect

from events.codec import CODEC
from events.database import Work
from events.decoding import recorded
from events.document.facts import DocumentEvent
from events.memory import MemoryEventStore
from events.sqlite import SqliteDatabase, open_sqlite
from projections import builds
from projections.applying import SHORT_PAGE
from projections.building import NEAR
from projections.checking import digest, digest_of
from projections.documents import Documents
from projections.past import folded
from projections.projection import Projection
from projections.tables import create_tables, table_of
from tests.chaos_log import told
from tests.facts import interleaved, life
from tests.projecting import runner_of, running

pytestmark = pytest.mark.anyio

T = TypeVar("T")

PATIENCE_SECONDS = 30
MOST_STATEMENTS = 200

SHORT = interleaved([life(f"d{number}") for number in range(3)])
LONG = interleaved([life(f"d{number}") for number in range(12)])
assert len(SHORT) <= SHORT_PAGE < NEAR < len(LONG)


class Killed(BaseException):
    """The process is gone, in the middle of a transaction."""


class DyingDatabase:
    """A real database whose writer dies before the given statement, and with it everything."""

    def __init__(self, database: SqliteDatabase, statement: int) -> None:
        self._database = database
        self._left = statement
        self.dead = asyncio.Event()

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        return await self._database.write(
            lambda connection: self._dying(work, connection), long=long
        )

    async def read(self, work: Work[T]) -> T:
        return await self._database.read(work)

    def _dying(self, work: Callable[[Connection], T], connection: Connection) -> T:
        mortal: Any = Mortal(connection, self._count)
        return work(mortal)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.dead.set()
            raise Killed


class Mortal:
    """A connection, or what it gives out, that counts before each statement it runs."""

    def __init__(self, real: Any, count: Callable[[], None]) -> None:
        self._real = real
        self._count = count

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in ("execute", "executemany", "_run_ddl_visitor"):
            self._count()
        if name == "connection":
            return Mortal(found, self._count)
        if name == "cursor":
            return lambda: Mortal(found(), self._count)
        return found


@pytest.mark.parametrize("facts", [SHORT, LONG], ids=["followed", "built"])
async def test_a_death_between_any_two_statements(
    tmp_path: Path, facts: list[DocumentEvent]
) -> None:
    store = await told(facts)
    statement = 0
    while True:
        path = tmp_path / f"{statement}.db"
        died = await _lives(path, store, dies_before=statement)
        async with open_sqlite(path, durability="relaxed") as database:
            checked = await database.read(lambda its: _assert_folds(its, store, facts))
        await _lives(path, store)
        async with open_sqlite(path, durability="relaxed") as database:
            positions = await database.read(lambda its: _assert_folds(its, store, facts))
        assert max(positions) == len(facts)
        if not died:
            break
        statement += 1
        assert statement < MOST_STATEMENTS, "a life has an end"
    assert statement > 20, "every statement has had its turn"
    assert len(checked) == 2


async def _lives(path: Path, store: MemoryEventStore, *, dies_before: int | None = None) -> bool:
    """Catch up, then rebuild and switch; whether it died on the way."""
    async with open_sqlite(path, durability="relaxed") as real:
        await real.write(create_tables)
        dying = DyingDatabase(real, 10**9 if dies_before is None else dies_before)
        runner: Any = runner_of(Documents(), store, dying)
        life = asyncio.create_task(_life(runner, await store.head()))
        death = asyncio.create_task(dying.dead.wait())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait({life, death}, return_when=asyncio.FIRST_COMPLETED)
        died = death.done()
        for task in (life, death):
            task.cancel()
            with suppress(asyncio.CancelledError, BaseExceptionGroup, Killed):
                await task
        return died


async def _life(runner: Any, head: int) -> None:
    async with running([runner]):
        while runner.position < head:
            await runner.applied.wait_beyond(runner.position)
        before = runner.builder.switched.head
        await runner.builder.request()
        while runner.builder.switched.head == before:
            await runner.builder.switched.wait_beyond(before)


def _assert_folds(
    connection: Connection, store: MemoryEventStore, facts: list[DocumentEvent]
) -> list[int]:
    """Every table is the fold of the log up to its checkpoint; the checkpoints."""
    projection: Projection[Any] = Documents()
    known = builds.known(connection, projection.name)
    names = {build.table_name for build in known}
    there = {name for name in inspect(connection).get_table_names() if name.startswith("doc")}
    assert there == names
    log = [recorded(one, CODEC) for one in store._events]
    for build in known:
        states = folded(projection, log, upto=build.position)
        table = table_of(projection.table, build.table_name)
        assert digest(connection, table) == digest_of(projection, states)
    return [build.position for build in known]
