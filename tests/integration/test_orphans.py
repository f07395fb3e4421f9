"""Bytes without a fact are removed; bytes with one, and young ones, are not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.document.policy import Policy
from events.memory import MemoryEventStore
from events.sqlite import open_sqlite
from events.wakeup import Wakeup
from projections.documents import Documents as DocumentRows
from projections.lookups import Lookups
from projections.runner import Runner
from projections.tables import create_tables
from service.clock import new_id
from service.documents import Documents
from service.orphans import OLD_ENOUGH, OrphanRemover
from service.storage import ObjectMissing, open_storage
from service.supervision import background
from service.uploads import Offer, Uploads
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

OFFER = Offer(name="a.pdf", owner="ann", content_type="application/pdf", processor="none")
HERE = "http://here/process"
POLICY = Policy(attempt_budget=4, retry_delays=(1,), lease=1, grace=1, patience=1)


async def body() -> AsyncIterator[bytes]:
    yield b"some bytes"


async def test_only_old_bytes_without_a_fact_are_removed(
    data_folder: Path, clock: FakeClock
) -> None:
    ids = (f"id{number}" for number in range(100))
    storage = open_storage(data_folder / "objects")
    store = MemoryEventStore(clock)
    documents = Documents(
        store, clock=clock, new_id=new_id, policy=POLICY, node="test", destination=HERE
    )
    uploads = Uploads(
        documents,
        storage,
        clock=clock,
        new_document_id=lambda: next(ids),
        processors=frozenset({"none"}),
    )
    async with open_sqlite(data_folder / "read.db", durability="relaxed") as database:
        await database.write(create_tables)
        runner = Runner(
            DocumentRows(), store=store, database=database, log=store.wakeup, clock=FakeClock()
        )
        lookups = Lookups(database, runner.applied)
        async with background({"projection": runner.run}):
            orphan = await uploads.store(body())
            kept = await uploads.store(body())
            await uploads.accept(OFFER, kept)
            await lookups.reach(1)
            modified = [stored.modified_us async for stored in storage.list("documents")]

            clock.now = max(modified) + OLD_ENOUGH // 2
            assert await OrphanRemover(storage, store, lookups, clock=clock).remove() == 0

            clock.now = max(modified) + OLD_ENOUGH + 1
            assert await OrphanRemover(storage, store, lookups, clock=clock).remove() == 1

    assert await storage.size(kept.name) == 10
    with pytest.raises(ObjectMissing):
        await storage.size(orphan.name)


async def test_nothing_is_removed_while_the_tables_are_behind_the_log(
    data_folder: Path, clock: FakeClock
) -> None:
    ids = (f"id{number}" for number in range(100))
    storage = open_storage(data_folder / "objects")
    store = MemoryEventStore(clock)
    documents = Documents(
        store, clock=clock, new_id=new_id, policy=POLICY, node="test", destination=HERE
    )
    uploads = Uploads(
        documents,
        storage,
        clock=clock,
        new_document_id=lambda: next(ids),
        processors=frozenset({"none"}),
    )
    async with open_sqlite(data_folder / "read.db", durability="relaxed") as database:
        await database.write(create_tables)
        lookups = Lookups(database, Wakeup(), patience_seconds=0.01)
        kept = await uploads.store(body())
        await uploads.accept(OFFER, kept)

        clock.now = 10**18
        assert await OrphanRemover(storage, store, lookups, clock=clock).remove() == 0

    assert await storage.size(kept.name) == 10
