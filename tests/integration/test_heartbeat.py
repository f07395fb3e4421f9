"""However much a worker reports, the log takes a bounded part of it, and the lease goes on."""

import asyncio

import pytest

from events.document.facts import ProgressReported
from events.document.policy import SECOND
from events.memory import MemoryEventStore
from events.store import Append, NewEvent, document_stream
from service.clock import new_id, system_clock
from service.documents import Documents
from service.heartbeat import PAGE_REPORTS, Heartbeat
from tests.facts import published, registered, started
from tests.unit.document.builders import POLICY

pytestmark = pytest.mark.anyio


async def test_pages_of_an_unknown_number_are_stored_twenty_times_at_most() -> None:
    store = MemoryEventStore(system_clock)
    facts = [registered("d1"), *published("d1"), *started("d1")]
    events = [
        NewEvent(event_id=new_id(), fact=fact, occurred_at=0, correlation_id="c") for fact in facts
    ]
    await store.append(Append(stream=document_stream("d1"), expected=0, events=events))
    documents = Documents(
        store,
        clock=system_clock,
        new_id=new_id,
        policy=POLICY,
        node="n1",
        destination="http://here/process",
    )
    _, document = await documents.load("d1")
    assert document is not None and document.attempt_id is not None
    assert POLICY.lease > 10 * SECOND  # no beat of its own falls into this test
    beat = Heartbeat(documents, document, document.attempt_id, clock=system_clock, spacing=0)
    beating = asyncio.create_task(beat.run(on_superseded=lambda: None))

    for page in range(1, 200):
        beat.report(page, None)
        for _ in range(5):
            await asyncio.sleep(0)
    beating.cancel()

    stored = [e for e in await documents.history("d1") if isinstance(e.fact, ProgressReported)]
    assert len(stored) == PAGE_REPORTS
