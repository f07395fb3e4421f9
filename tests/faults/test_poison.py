"""One stream of a thousand holds an event that cannot be folded (F14)."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events.document.facts import CancelRequested, DocumentEvent
from events.store import Append, EventStore, NewEvent, document_stream
from projections.document_rows import DocumentRows
from projections.runner import Runner
from projections.tables import create_tables
from service.vitals import wrong_with
from tests.facts import published, registered
from tests.fakes import FakeClock
from tests.faults.sizes import SLOW_MACHINE
from tests.poisoned import PoisonedDocuments, poison
from tests.projecting import OPEN, runner_of, running
from tests.stores import DURABLE

pytestmark = pytest.mark.anyio

STREAMS = 1000
SICK = "doc_500"
VISIBLE_SECONDS = 5.0
PATIENCE_SECONDS = 120


class Teller:
    """Appends facts, those of many documents at once."""

    def __init__(self, store: EventStore) -> None:
        self.told = 0
        self._store = store
        self._versions: dict[str, int] = {}

    async def tell(self, facts: Sequence[DocumentEvent]) -> None:
        """Append these; each document has one of them."""
        async with asyncio.TaskGroup() as tasks:
            for fact in facts:
                tasks.create_task(self._tell(fact))

    async def _tell(self, fact: DocumentEvent) -> None:
        self.told += 1
        stream, name = document_stream(fact.document_id), fact.document_id
        event = NewEvent(
            event_id=str(UUID(int=self.told)), fact=fact, occurred_at=0, correlation_id="c"
        )
        version = self._versions.get(name, 0)
        self._versions[name] = version + 1
        await self._store.append(Append(stream=stream, expected=version, events=[event]))


@pytest.mark.parametrize("kind", list(OPEN))
async def test_all_others_are_fresh_and_the_one_is_visible(tmp_path: Path, kind: str) -> None:
    names = [f"doc_{number}" for number in range(STREAMS)]
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        DURABLE[kind](tmp_path, FakeClock()) as store,
        OPEN[kind](tmp_path) as database,
    ):
        await database.write(create_tables)
        runner = runner_of(PoisonedDocuments(), store, database)
        teller = Teller(store)
        async with running([runner]):
            await teller.tell([registered(name) for name in names])
            await _reached(runner, STREAMS)
            began = time.monotonic()
            await teller.tell([poison(SICK)])
            await _reached(runner, STREAMS + 1)
            condition = runner.condition()
            visible = time.monotonic() - began
            for number in range(len(published(SICK))):
                await teller.tell([published(name)[number] for name in names])
            await teller.tell(
                [CancelRequested(document_id=it, by="test", reason="") for it in names]
            )
            await _reached(runner, teller.told)
            found = await database.read(lambda its: DocumentRows(its).page(limit=2 * STREAMS))

    assert visible <= VISIBLE_SECONDS + SLOW_MACHINE
    fresh = [one for one in found if one.version == 4]
    [sick] = [one for one in found if one.version != 4]
    assert (len(fresh), sick.document.id, sick.version) == (STREAMS - 1, SICK, 1)
    assert list(condition.set_aside) == [SICK]
    [sentence] = wrong_with(condition, head=STREAMS + 1)
    for word in (SICK, f"position {STREAMS + 1}", "this fold has a bug", "waybill rebuild"):
        assert word in sentence


async def _reached(runner: Runner[Any], position: int) -> None:
    while runner.position < position:
        await runner.applied.wait_beyond(runner.position)
