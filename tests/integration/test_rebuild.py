"""A projection made anew beside the one that is read, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect

from events.codec import NAMES, UPCASTS, Codec
from events.database import Database, Work
from events.document.facts import CancelRequested
from events.memory import MemoryEventStore
from projections import builds
from projections.building import LOOK_SECONDS
from projections.builds import NotReady, source
from projections.catalog import Catalog
from projections.checking import digest, digest_of
from projections.documents import NAME, Documents
from projections.past import folded
from projections.tables import FAILED, KEEP, KEPT, LIVE, Build, create_tables
from tests.chaos_log import told
from tests.fakes import FakeClock
from tests.integration.rebuilding import (
    FACTS,
    PATIENCE_SECONDS,
    append_all,
    at_work,
    caught_up,
    known,
    runner_of,
    switched,
)
from tests.poisoned import Moody, poison
from tests.projecting import OPEN, running
from tests.stores import everything, everything_stored

pytestmark = pytest.mark.anyio


class Second(Documents):
    """The next version of the documents."""

    version = 2
    table = Documents.table


class SecondReadsFirst(Second):
    """One that can show the rows of the first, while its own are being made."""

    table = Documents.table
    readable = frozenset({1})


@pytest.fixture(params=list(OPEN))
async def database(request: Any, tmp_path: Path) -> AsyncIterator[Database]:
    async with OPEN[request.param](tmp_path) as opened:
        await opened.write(create_tables)
        yield opened


async def test_live_rebuilt_and_replayed_are_one_and_the_same(database: Database) -> None:
    store = await told(FACTS)
    async with at_work(runner_of(Documents(), store, database), store) as runner:

        def digest_now(connection: Connection) -> str:
            return digest(connection, source(connection, Documents()).table)

        live = await database.read(digest_now)
        await switched(runner)
        rebuilt = await database.read(digest_now)

    replayed = digest_of(Documents(), folded(Documents(), await everything(store), upto=len(FACTS)))
    assert live == rebuilt == replayed
    assert await database.read(known) == [(1, 0, KEPT), (1, 1, LIVE)]


async def test_what_was_replaced_is_dropped_after_a_while(database: Database) -> None:
    store, clock = await told(FACTS), FakeClock()
    async with at_work(runner_of(Documents(), store, database, clock=clock), store) as runner:
        await switched(runner)
        await runner.builder.drop_expired()
        assert len(await database.read(known)) == 2

        clock.now += KEEP + 1
        await runner.builder.drop_expired()

    assert await database.read(known) == [(1, 1, LIVE)]
    tables = await database.read(lambda its: inspect(its).get_table_names())
    assert [name for name in tables if name.startswith("documents")] == ["documents_v1_b1"]


async def test_the_new_version_takes_over_and_the_old_one_can_come_back(database: Database) -> None:
    store = await told(FACTS)
    async with at_work(runner_of(Documents(), store, database), store):
        pass
    async with at_work(runner_of(Second(), store, database), store):
        assert (await database.read(lambda its: source(its, Second()))).build.version == 2
        assert (await database.read(lambda its: source(its, Documents()))).build.version == 1
    expiring = await database.read(lambda its: builds.known(its, NAME)[0].drop_after)
    assert expiring is not None

    async with at_work(runner_of(Documents(), store, database), store):
        first, second = await database.read(lambda its: builds.known(its, NAME))
    assert first.drop_after is None, "it is at work again"
    assert second.drop_after is None, "its nodes may be at work beside us"


async def test_until_the_new_version_is_made_the_old_one_is_shown_if_it_can_be(
    database: Database,
) -> None:
    store = await told(FACTS)
    async with at_work(runner_of(Documents(), store, database), store):
        pass

    shown = await database.read(lambda its: source(its, SecondReadsFirst()))
    assert (shown.build.version, shown.position) == (1, len(FACTS))
    with pytest.raises(NotReady, match="documents is being made"):
        await database.read(lambda its: source(its, Second()))


async def test_a_fold_that_is_not_the_same_twice_is_given_up(database: Database) -> None:
    store = await told(FACTS)
    async with at_work(runner_of(Documents(), store, database), store):
        pass
    runner = runner_of(Moody(), store, database)
    async with at_work(runner, store):
        await switched(runner)

        assert "differ from a fresh fold" in (runner.builder.failed or "")
        assert await database.read(known) == [(1, 0, LIVE), (1, 1, FAILED)]
        assert runner.condition().failed is not None
        standing = await Catalog(database, {NAME: runner}).standing(NAME)
        assert standing.failed is not None and standing.read is not None


class AskedMeanwhile:
    """A database in which a build is asked for just after the builder has looked for one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ask: Callable[[], Awaitable[Build]] | None = None
        self.write = database.write

    async def read(self, work: Work[Any]) -> Any:
        found = await self._database.read(work)
        if found is None and self.ask is not None:
            ask, self.ask = self.ask, None
            await ask()
        return found


async def test_a_build_that_is_asked_for_while_the_builder_looks_is_made_at_once(
    database: Database,
) -> None:
    store = await told(FACTS)
    meanwhile = AskedMeanwhile(database)
    async with at_work(runner_of(Documents(), store, database), store):
        pass
    builder = runner_of(Documents(), store, meanwhile).builder
    meanwhile.ask = builder.request

    building = asyncio.create_task(builder.run())
    async with asyncio.timeout(LOOK_SECONDS - 1):
        while not builder.switched.head:
            await builder.switched.wait_beyond(0)
    building.cancel()

    assert await database.read(known) == [(1, 0, KEPT), (1, 1, LIVE)]


async def test_two_nodes_work_on_one_table_and_both_hear_of_every_change(
    database: Database,
) -> None:
    store = await told(FACTS[:40])
    heard: list[dict[str, Any]] = [{}, {}]

    def hears(number: int) -> Any:
        return lambda _, states: heard[number].update(
            {one.document.id: one.version for one in states}
        )

    runners = [
        runner_of(Documents(), store, database, on_applied=hears(number)) for number in (0, 1)
    ]
    async with asyncio.timeout(PATIENCE_SECONDS), running(runners):
        for runner in runners:
            await caught_up(runner, 40)
        for known_ in heard:
            known_.clear()
        changed = FACTS[40:]
        versions = await append_all(store, changed)
        for runner in runners:
            await caught_up(runner, len(FACTS))
        before = [runner.builder.switched.head for runner in runners]
        await runners[0].builder.request()
        while before == [runner.builder.switched.head for runner in runners]:
            await runners[0].builder.switched.wait_beyond(before[0])

    assert heard == [versions, versions]
    states = folded(Documents(), await everything(store), upto=len(FACTS))
    table = await database.read(lambda its: source(its, Documents()).table)
    assert await database.read(lambda its: digest(its, table)) == digest_of(Documents(), states)


async def test_what_a_newer_version_can_read_it_folds_at_its_first_start(
    database: Database,
) -> None:
    whole = await told([*FACTS[:50], poison("d3"), *FACTS[50:]])
    names = {kind: name for kind, name in NAMES.items() if kind is not CancelRequested}
    older = MemoryEventStore(FakeClock(), codec=Codec(names, UPCASTS))
    await older.restore(await everything_stored(whole))
    async with at_work(runner_of(Documents(), older, database), older) as runner:
        assert runner.condition().unreadable == 51

    newer = runner_of(Documents(), whole, database)
    async with asyncio.timeout(PATIENCE_SECONDS), running([newer]):
        while not newer.builder.switched.head:
            await newer.builder.switched.wait_beyond(0)
        await append_all(whole, [poison("d4")])
        await caught_up(newer, len(FACTS) + 2)
        assert newer.condition().unreadable is None
        states = folded(Documents(), await everything(whole), upto=len(FACTS) + 2)
        table = await database.read(lambda its: source(its, Documents()).table)
        assert await database.read(lambda its: digest(its, table)) == digest_of(Documents(), states)


async def test_tables_that_know_more_than_the_log_are_made_anew(database: Database) -> None:
    whole, older = await told(FACTS), await told(FACTS[:40])
    async with at_work(runner_of(Documents(), whole, database), whole):
        pass

    async with at_work(runner_of(Documents(), older, database), older) as runner:
        assert runner.position == 40
        table, position, _ = await database.read(lambda its: source(its, Documents()))
        assert position == 40
        states = folded(Documents(), await everything(older), upto=40)
        assert await database.read(lambda its: digest(its, table)) == digest_of(Documents(), states)


async def test_a_version_whose_tables_were_dropped_meanwhile_makes_them_again(
    database: Database,
) -> None:
    store = await told(FACTS)
    runner = runner_of(Documents(), store, database)
    async with at_work(runner, store):
        [build] = await database.read(lambda its: builds.known(its, NAME))
        await database.write(lambda its: builds.drop(its, Documents(), build))
        await append_all(store, [poison("d4")])
        async with asyncio.timeout(LOOK_SECONDS - 1):
            await caught_up(runner, len(FACTS) + 1)
