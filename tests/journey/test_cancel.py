"""A person stops a document: before it was begun, and while it is being read."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.journey.misbehaving import under_any_broker
from tests.journey.product import Client, Gate, Waybill
from tests.journey.witness import count, holds, processed_once

pytestmark = pytest.mark.anyio


async def any_is_now(client: Client, documents: Sequence[str], status: str) -> None:
    """Which of several documents gets a worker first is nobody's promise."""
    looking = [asyncio.create_task(client.is_now(one, status)) for one in documents]
    await asyncio.wait(looking, return_when=asyncio.FIRST_COMPLETED)
    for look in looking:
        look.cancel()
    ended = await asyncio.gather(*looking, return_exceptions=True)
    assert any(isinstance(state, dict) for state in ended), ended


@under_any_broker
async def test_a_document_that_waits_is_cancelled_at_once_and_never_begun(
    client: Client, gate: Gate
) -> None:
    busy = await asyncio.gather(*[client.script(gate=gate, salt=str(n)) for n in range(4)])
    await any_is_now(client, busy, "processing")
    waiting = await client.script(salt="waits")

    answer = await client.post(waiting, "cancel")

    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    gate.open()
    await asyncio.gather(*[client.ends(one) for one in busy])
    history = await client.history(waiting)
    holds(history)
    assert count(history, "processing_started") == 0
    assert (await client.document(waiting))["status"] == "cancelled"


@under_any_broker
async def test_a_document_is_cancelled_while_it_is_read_and_its_worker_is_free_again(
    house: Waybill, client: Client, gate: Gate
) -> None:
    document_id = await client.script(gate=gate)
    await client.is_now(document_id, "processing")

    answer = await client.post(document_id, "cancel")
    state = await client.ends(document_id)

    assert answer.status_code == 202
    assert state["status"] == "cancelled"
    history = await client.history(document_id)
    holds(history)
    assert count(history, "cancelled") == 1
    [failed] = [event["data"] for event in history if event["type"] == "processing_failed"]
    assert failed["error_message"] == "the attempt was stopped on request"
    assert house.results(document_id) == []
    others = await asyncio.gather(*[client.script(salt=str(n)) for n in range(3)])
    for other in others:
        await processed_once(house, client, other)


@under_any_broker
async def test_a_cancelled_document_can_be_run_again(
    house: Waybill, client: Client, gate: Gate
) -> None:
    document_id = await client.script(gate=gate)
    await client.is_now(document_id, "processing")
    await client.post(document_id, "cancel")
    await client.ends(document_id)
    gate.open()

    answer = await client.post(document_id, "retry")

    assert answer.status_code == 202
    await client.becomes(document_id, lambda state: state["run"] == 2 and state["final"])
    await processed_once(house, client, document_id)


async def test_cancelling_twice_is_the_same_as_once(client: Client, gate: Gate) -> None:
    document_id = await client.script(gate=gate)
    await client.is_now(document_id, "processing")

    answers = [await client.post(document_id, "cancel") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    await client.ends(document_id)
    history = await client.history(document_id)
    assert count(history, "cancel_requested") == 1
    assert count(history, "cancelled") == 1


async def test_only_what_has_ended_can_be_retried_and_only_what_has_not_can_be_cancelled(
    client: Client, gate: Gate
) -> None:
    document_id = await client.script(gate=gate)
    await client.is_now(document_id, "processing")

    too_early = await client.post(document_id, "retry")
    gate.open()
    await client.ends(document_id)
    too_late = await client.post(document_id, "cancel")

    for answer in (too_early, too_late):
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert document_id in answer.json()["detail"]
