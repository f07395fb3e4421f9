"""Work that fails: three retries by themselves, a dead letter, and a person who helps."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from qstash import AsyncQStash

from tests.journey.misbehaving import under_any_broker
from tests.journey.product import Client, Gate, Waybill, client_of, matching, running
from tests.journey.witness import count, holds, processed_once, types

pytestmark = pytest.mark.anyio


async def dead_letters(qstash: AsyncQStash, document_id: str) -> list[str]:
    """The ids of the dead letters of this document, as QStash tells them."""
    found = await qstash.dlq.list(filter={"label": document_id})
    return [letter.dlq_id for letter in found.messages]


@under_any_broker
async def test_a_failing_document_is_retried_thrice_then_dead_and_a_person_brings_it_through(
    house: Waybill, client: Client
) -> None:
    document_id = await client.script(failing_runs=[1])

    state = await client.ends(document_id)
    history = await client.event(document_id, "transport_observed", kind="failure_callback")

    assert state["status"] == "failed"
    assert "run 1 fails on purpose" in state["error"]
    assert count(history, "processing_started") == 4
    assert count(history, "retry_scheduled") == 3
    assert count(history, "dead_lettered") == 1
    async with house.qstash() as qstash:
        [letter] = await dead_letters(qstash, document_id)

        answer = await client.post(document_id, "retry")
        assert answer.status_code == 202
        await processed_once(house, client, document_id)

        await client.event(document_id, "dlq_entry_removed", dlq_id=letter)
        assert await dead_letters(qstash, document_id) == []
    assert (await client.document(document_id))["run"] == 2


@under_any_broker
async def test_the_retry_button_of_qstash_s_console_begins_a_run(
    house: Waybill, client: Client
) -> None:
    document_id = await client.script(failing_runs=[1])
    await client.ends(document_id)
    await client.event(document_id, "transport_observed", kind="failure_callback")
    async with house.qstash() as qstash:
        [letter] = await dead_letters(qstash, document_id)
        await qstash.http.request(path=f"/v2/dlq/retry/{letter}", method="POST")
    history = await client.event(document_id, "requeued", via="qstash_dlq")
    assert types(history).index("requeued") > types(history).index("dead_lettered")

    await processed_once(house, client, document_id)


@under_any_broker
async def test_a_webhook_that_outlasts_its_timeout_is_delivered_again_and_processed_once(
    tmp_path: Path, gate: Gate, impatient: Waybill
) -> None:
    async with client_of(impatient) as client:
        document_id = await client.script(gate=gate)

        history = await client.event(document_id, "delivery_ignored", reason="lease_held")
        assert count(history, "processing_started") == 1
        # It is longer at work than QStash listens, and says so: two heartbeats take more than that.
        await client.happens(document_id, matching("progress_reported"), times=2)
        gate.open()

        await processed_once(impatient, client, document_id)
        history = await client.event(document_id, "delivery_ignored", reason="already_succeeded")
        assert count(history, "processing_started") == 1
        holds(history)


@pytest.fixture
def impatient(tmp_path: Path, transport: dict[str, str]) -> Iterator[Waybill]:
    """QStash hangs up after one second."""
    with running(tmp_path / "impatient", {"WAYBILL_DELIVERY_SECONDS": "1", **transport}) as waybill:
        yield waybill
