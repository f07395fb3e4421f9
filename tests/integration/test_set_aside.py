"""Events and rows that a projection cannot take: what they spoil, and how it is mended."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.database import Database
from projections.catalog import Catalog
from projections.document_rows import DocumentRows
from projections.documents import Documents, Tracked
from projections.lookups import Lookups
from projections.tables import create_tables
from tests.chaos_log import told
from tests.integration.rebuilding import (
    FACTS,
    PATIENCE_SECONDS,
    append_all,
    at_work,
    caught_up,
    runner_of,
    switched,
)
from tests.poisoned import PoisonedDocuments, PoisonedMinutes, poison
from tests.projecting import OPEN, running
from tests.stores import everything

pytestmark = pytest.mark.anyio


class TooLarge(Documents):
    """For one document a number that no column holds."""

    table = Documents.table

    def columns(self, state: Tracked) -> dict[str, Any]:
        columns = super().columns(state)
        return {**columns, "waiting_since": 2**70} if state.document.id == "d3" else columns


@pytest.fixture(params=list(OPEN))
async def database(request: Any, tmp_path: Path) -> AsyncIterator[Database]:
    async with OPEN[request.param](tmp_path) as opened:
        await opened.write(create_tables)
        yield opened


async def test_a_poison_event_spoils_one_row_until_the_fold_is_mended(database: Database) -> None:
    facts = [*FACTS[:100], poison("d3"), *FACTS[100:]]
    store = await told(facts)
    projection = PoisonedDocuments()
    runner = runner_of(projection, store, database)
    async with at_work(runner, store):
        lookups = Lookups(database, runner.applied)
        condition = runner.condition()
        assert list(condition.set_aside) == ["d3"]
        assert condition.set_aside["d3"][0] == 101
        stale = await lookups.document("d3")
        assert stale is not None and stale.position < 101
        fresh = await lookups.document("d4")
        assert fresh is not None and fresh.document.status.final
        assert await lookups.refers_to("nobody knows"), "nothing is an orphan now"

        projection.poisonous = False
        await switched(runner)
        await append_all(store, [poison("d3")])
        await caught_up(runner, len(facts) + 1)
        assert runner.condition().set_aside == {}
        mended = await lookups.document("d3")
        assert mended is not None and mended.position == len(facts) + 1


async def test_a_row_that_the_table_does_not_take_spoils_only_itself(database: Database) -> None:
    store = await told(FACTS)
    async with at_work(runner_of(TooLarge(), store, database), store) as runner:
        assert list(runner.condition().set_aside) == ["d3"]
        fresh = await Lookups(database, runner.applied).document("d4")
        assert fresh is not None and fresh.document.status.final


async def test_minutes_stop_at_a_poison_event_and_go_on_once_the_fold_is_mended(
    database: Database,
) -> None:
    store = await told([*FACTS[:60], poison("d3"), *FACTS[60:]])
    projection = PoisonedMinutes()
    runner = runner_of(projection, store, database)
    async with asyncio.timeout(PATIENCE_SECONDS), running([runner]):
        await caught_up(runner, 60)
        while (stopped := runner.condition().stopped) is None:
            await runner.builder.switched.wait_beyond(runner.builder.switched.head)
        assert stopped.position == 61
        assert runner.position == 60
        standing = await Catalog(database, {projection.name: runner}).standing(projection.name)
        assert standing.read is not None and standing.read.stopped_at == 61
        assert standing.read.stale_since == (await everything(store))[60].recorded_at

        projection.poisonous = False
        await runner.builder.request()
        await caught_up(runner, await store.head())
        assert runner.condition().stopped is None


@pytest.mark.parametrize("value", [None, object()], ids=["null", "no value"])
@pytest.mark.parametrize("length", [40, len(FACTS)], ids=["followed", "built"])
async def test_a_row_that_the_table_refuses_is_set_aside(
    database: Database, value: object, length: int
) -> None:
    class Refused(Documents):
        def columns(self, state: Tracked) -> dict[str, Any]:
            bad = state.document.id == "d3" and state.version > 1
            return {**super().columns(state), **({"waiting_since": value} if bad else {})}

    store = await told(FACTS[:length])
    runner = runner_of(Refused(), store, database)
    async with at_work(runner, store):
        found = await database.read(lambda its: DocumentRows(its).page(limit=100))

    assert list(runner.condition().set_aside) == ["d3"]
    assert len({one.document.id for one in found} - {"d3"}) == 14
