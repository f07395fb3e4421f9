"""One stream of a thousand holds an event that cannot be folded (F14)."""

import asyncio
from pathlib import Path

import pytest

from events.document.facts import CancelRequested, DocumentEvent
from projections.document_rows import DocumentRows
from projections.tables import create_tables
from service.vitals import wrong_with
from tests.chaos_log import told
from tests.facts import published, registered
from tests.poisoned import PoisonedDocuments, poison
from tests.projecting import OPEN, runner_of, running

pytestmark = pytest.mark.anyio

STREAMS = 1000
SICK = "doc_500"
PATIENCE_SECONDS = 120


def log() -> list[DocumentEvent]:
    """Every document arrives, one of them is poisoned, and then every document goes on."""
    names = [f"doc_{number}" for number in range(STREAMS)]
    facts: list[DocumentEvent] = [registered(name) for name in names]
    facts.append(poison(SICK))
    for name in names:
        facts += published(name)
    facts += [CancelRequested(document_id=name, by="test", reason="") for name in names]
    return facts


@pytest.mark.parametrize("kind", list(OPEN))
async def test_all_others_are_fresh_and_the_one_is_visible(tmp_path: Path, kind: str) -> None:
    facts = log()
    store = await told(facts)
    async with OPEN[kind](tmp_path) as database:
        await database.write(create_tables)
        runner = runner_of(PoisonedDocuments(), store, database)
        async with asyncio.timeout(PATIENCE_SECONDS), running([runner]):
            while runner.position < len(facts):
                await runner.applied.wait_beyond(runner.position)
            found = await database.read(lambda its: DocumentRows(its).page(limit=2 * STREAMS))
            condition = runner.condition()

    fresh = [one for one in found if one.version == 4]
    [sick] = [one for one in found if one.version != 4]
    assert (len(fresh), sick.document.id, sick.version) == (STREAMS - 1, SICK, 1)
    assert list(condition.set_aside) == [SICK]
    [sentence] = wrong_with(condition, head=len(facts))
    for word in (SICK, f"position {STREAMS + 1}", "this fold has a bug", "waybill rebuild"):
        assert word in sentence
