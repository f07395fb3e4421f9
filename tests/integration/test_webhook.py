"""What QStash hears: each row of the table of answers, over HTTP, signed by the test."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.webhook_app import (
    CALLBACK,
    FAILED,
    NEXT,
    PROCESS,
    PUBLIC_URL,
    WRONG,
    Webhook,
    webhook,
)
from tests.signing import claims_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hook(data_folder: Path) -> AsyncIterator[Webhook]:
    async with webhook(data_folder) as hook:
        yield hook


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


async def test_success_is_200_even_before_the_publish_has_returned(hook: Webhook) -> None:
    document_id = await hook.upload()

    answer = await hook.deliver(document_id)

    assert answer.status_code == 200
    assert await hook.types(document_id) == [
        "document_registered",
        "delivery_received",
        "processing_started",
        "processing_succeeded",
    ]


async def test_an_attempt_that_needs_no_worker_is_one_append_from_its_delivery_to_its_end(
    hook: Webhook,
) -> None:
    document_id = await hook.upload(processor="none")
    stored = sum(path.stat().st_size for path in hook.data.glob("objects/documents/*"))
    assert f"waybill_upload_bytes_total {stored:.1f}" in (await hook.http.get("/metrics")).text

    answer = await hook.deliver(document_id)

    assert answer.status_code == 200
    *_, received, started, succeeded = await hook.history(document_id)
    assert [one["type"] for one in (received, started, succeeded)] == [
        "delivery_received",
        "processing_started",
        "processing_succeeded",
    ]
    assert received["recorded_at"] == started["recorded_at"] == succeeded["recorded_at"]
    assert started["data"]["attempt_id"] == succeeded["data"]["attempt_id"]
    assert (await hook.deliver(document_id, retried=1)).status_code == 200
    assert (await hook.types(document_id)).count("processing_succeeded") == 1


async def test_a_document_that_has_succeeded_is_200_and_not_read_again(hook: Webhook) -> None:
    document_id = await hook.upload()
    await hook.deliver(document_id)

    again = await hook.deliver(document_id, retried=1)

    assert again.status_code == 200
    history = await hook.history(document_id)
    assert history[-1]["data"]["reason"] == "already_succeeded"
    assert (await hook.types(document_id)).count("processing_started") == 1


async def test_a_cancelled_document_is_200_and_never_begun(hook: Webhook) -> None:
    document_id = await hook.upload()
    await hook.http.post(f"/v1/documents/{document_id}/cancel")

    answer = await hook.deliver(document_id)

    assert answer.status_code == 200
    assert "processing_started" not in await hook.types(document_id)


async def test_a_message_of_an_earlier_run_is_200_and_starts_nothing(hook: Webhook) -> None:
    document_id = await hook.upload()
    await hook.deliver(document_id)
    await hook.http.post(f"/v1/documents/{document_id}/retry")

    answer = await hook.deliver(document_id, run=1, retried=1)

    assert answer.status_code == 200
    history = await hook.history(document_id)
    ignored = [e["data"]["reason"] for e in history if e["type"] == "delivery_ignored"]
    assert ignored == ["stale_run"]
    assert (await hook.deliver(document_id, run=2, message_id="msg_2")).status_code == 200


async def test_a_held_lease_is_503_until_the_lease_may_be_over(hook: Webhook, gate: Path) -> None:
    document_id = await hook.upload(gate=gate)
    first = asyncio.create_task(hook.deliver(document_id))
    await hook.becomes(document_id, "processing")

    second = await hook.deliver(document_id, retried=1)
    await asyncio.to_thread(gate.touch)

    assert second.status_code == 503
    assert 1 <= int(second.headers["retry-after"]) <= 39  # the lease, and a spread
    assert (await first).status_code == 200
    assert (await hook.types(document_id)).count("processing_started") == 1


async def test_a_failure_with_attempts_left_is_503_with_our_own_delay(hook: Webhook) -> None:
    document_id = await hook.upload(failing_runs=[1])

    answer = await hook.deliver(document_id)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    state = await hook.document(document_id)
    assert state["status"] == "retrying"
    assert state["retry_at"] is not None


async def test_the_last_failure_is_489_and_says_that_it_is_final(data_folder: Path) -> None:
    async with webhook(data_folder, attempts=2) as hook:
        document_id = await hook.upload(failing_runs=[1])

        answers = [await hook.deliver(document_id, retried=retried) for retried in range(3)]

        assert [answer.status_code for answer in answers] == [503, 489, 489]
        assert answers[1].headers["upstash-nonretryable-error"] == "true"
        assert (await hook.types(document_id)).count("processing_started") == 2


async def test_what_can_never_be_read_is_489_at_once(hook: Webhook) -> None:
    document_id = await hook.upload(processor="pdf-text")

    answer = await hook.deliver(document_id)

    assert answer.status_code == 489
    assert answer.headers["upstash-nonretryable-error"] == "true"
    assert (await hook.document(document_id))["error_code"] == "not_a_pdf"


async def test_an_unknown_document_is_489(hook: Webhook) -> None:
    assert (await hook.deliver("doc_nobody")).status_code == 489


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"not json", b'{"document_id": 5, "run": 1}'])
async def test_a_signed_body_that_is_not_ours_is_489(hook: Webhook, body: bytes) -> None:
    answer = await hook.post(PROCESS, body)

    assert answer.status_code == 489


async def test_a_bad_signature_is_401_and_no_trace(hook: Webhook) -> None:
    document_id = await hook.upload()
    before = await hook.types(document_id)
    body = json.dumps({"document_id": document_id, "run": 1}).encode()

    answer = await hook.post(PROCESS, body, key=WRONG)

    assert answer.status_code == 401
    assert await hook.types(document_id) == before


async def test_a_delivery_signed_with_the_next_key_is_accepted_and_noted(hook: Webhook) -> None:
    document_id = await hook.upload()
    body = json.dumps({"document_id": document_id, "run": 1}).encode()

    answer = await hook.post(PROCESS, body, key=NEXT)

    assert answer.status_code == 200
    history = await hook.history(document_id)
    [received] = [event for event in history if event["type"] == "delivery_received"]
    assert received["data"]["signing_key"] == "next"


async def test_a_request_that_is_sent_again_as_it_was_starts_nothing(hook: Webhook) -> None:
    document_id = await hook.upload(failing_runs=[1])
    body = json.dumps({"document_id": document_id, "run": 1}).encode()
    claims = claims_for(PUBLIC_URL + PROCESS, body)

    answers = [await hook.post(PROCESS, body, claims=claims) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert (await hook.types(document_id)).count("processing_started") == 1


async def test_a_body_over_the_cap_is_413_before_its_signature_is_looked_at(hook: Webhook) -> None:
    answer = await hook.http.post(PROCESS, content=b"x" * 70_000)

    assert answer.status_code == 413


async def test_without_the_log_it_is_503_in_five_seconds_and_no_work_begins(hook: Webhook) -> None:
    document_id = await hook.upload(processor="none")
    with closing(sqlite3.connect(hook.data / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await hook.deliver(document_id)
        other.execute("ROLLBACK")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "processing_started" not in await hook.types(document_id)
    assert (await hook.deliver(document_id, retried=1)).status_code == 200


def notice(document_id: str, **changes: object) -> bytes:
    """What a callback says of a message."""
    source = json.dumps({"document_id": document_id, "run": 1}).encode()
    told = {
        "sourceMessageId": "msg_1",
        "sourceBody": base64.b64encode(source).decode(),
        "retried": 2,
        "maxRetries": 6,
        "status": 503,
        **changes,
    }
    return json.dumps(told).encode()


async def test_a_failure_callback_is_an_observation_and_changes_no_status(hook: Webhook) -> None:
    document_id = await hook.upload(failing_runs=[1])
    await hook.deliver(document_id)

    answer = await hook.post(FAILED, notice(document_id, dlqId="dlq_1"))

    assert answer.status_code == 200
    state = await hook.document(document_id)
    assert state["delivery"] == "failed"
    assert state["status"] in ("retrying", "queued")
    assert "dead_lettered" not in await hook.types(document_id)


async def test_a_notice_that_is_repeated_is_noted_once(hook: Webhook) -> None:
    document_id = await hook.upload()
    await hook.deliver(document_id)

    for _ in range(3):
        assert (await hook.post(CALLBACK, notice(document_id, status=200))).status_code == 200

    assert (await hook.types(document_id)).count("transport_observed") <= 1


@pytest.mark.parametrize("path", [FAILED, CALLBACK])
async def test_an_unsigned_notice_is_401(hook: Webhook, path: str) -> None:
    document_id = await hook.upload()
    before = await hook.types(document_id)

    answer = await hook.post(path, notice(document_id), key=WRONG)

    assert answer.status_code == 401
    assert await hook.types(document_id) == before


@pytest.mark.parametrize("path", [FAILED, CALLBACK])
async def test_a_notice_about_somebody_else_s_message_is_200_and_forgotten(
    hook: Webhook, path: str
) -> None:
    strange = [b"{}", b"not json", notice("doc_nobody"), notice("x", sourceBody="####")]

    answers = [await hook.post(path, body) for body in strange]

    assert [answer.status_code for answer in answers] == [200] * 4
