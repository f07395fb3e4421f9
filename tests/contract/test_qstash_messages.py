"""The official SDK publishes through the broker, and a real receiver gets what it sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from qstash import AsyncQStash, QStash
from qstash import Receiver as Verifier
from qstash.errors import QStashError
from qstash.message import PublishResponse

from service.broker.outcome import Answer
from tests.brokers import TOKEN, Receiver, becomes_true, broker_over, migrated, sdk_client, served

pytestmark = pytest.mark.anyio


class Scene:
    """A served broker, a served receiver, and a client."""

    def __init__(self, broker: str, receiver: Receiver, hook: str, client: AsyncQStash) -> None:
        self.broker = broker
        self.receiver = receiver
        self.hook = hook
        self.client = client

    async def publish(self, **options: Any) -> PublishResponse:
        published = await self.client.message.publish(**options)
        assert isinstance(published, PublishResponse)
        return published

    async def states(self, message_id: str) -> list[str]:
        page = await self.client.log.list(filter={"message_id": message_id})
        return [entry.state.value for entry in reversed(page.logs)]

    async def becomes(self, message_id: str, state: str) -> list[str]:
        """Waits until the log says so."""

        async def reached() -> bool:
            return (await self.states(message_id))[-1:] == [state]

        await becomes_true(reached)
        return await self.states(message_id)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    receiver = Receiver()
    async with (
        served(receiver) as hook,
        served(broker_over(migrated(tmp_path))) as broker,
        sdk_client(broker) as client,
    ):
        yield Scene(broker, receiver, hook, client)


async def test_a_published_message_arrives_byte_for_byte_and_signed(scene: Scene) -> None:
    url = f"{scene.hook}/a//b/%2F?x=1&y=%20"
    keys = await scene.client.signing_key.get()

    published = await scene.publish(
        url=url,
        body='{"document_id": "doc_1"}',
        content_type="application/json",
        headers={"X-Own": "yes"},
        method="PUT",
    )

    (heard,) = await scene.receiver.hears(1)
    assert heard.method == "PUT"
    assert heard.raw_path == "/a//b/%2F?x=1&y=%20"
    assert heard.body == b'{"document_id": "doc_1"}'
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["x-own"] == "yes"
    assert heard.headers["user-agent"] == "Upstash-QStash"
    assert heard.headers["upstash-message-id"] == published.message_id
    assert heard.headers["upstash-retried"] == "0"
    Verifier(keys.current, keys.next).verify(
        signature=heard.headers["upstash-signature"], body=heard.body.decode(), url=url
    )
    assert await scene.becomes(published.message_id, "DELIVERED") == [
        "CREATED",
        "ACTIVE",
        "DELIVERED",
    ]


async def test_the_sync_client_publishes_cancels_and_reads_keys(scene: Scene) -> None:
    def use() -> tuple[str, str, str]:
        client = QStash(TOKEN, base_url=scene.broker, retry=False)
        keys = client.signing_key.get()
        published = client.message.publish_json(url=scene.hook, body={"a": 1}, delay="1h")
        assert isinstance(published, PublishResponse)
        message = client.message.get(published.message_id)
        client.message.cancel(published.message_id)
        with pytest.raises(QStashError, match="404"):
            client.message.get(published.message_id)
        client.http._client.close()
        return keys.current, message.url, published.message_id

    current, url, message_id = await asyncio.to_thread(use)

    assert current.startswith("sig_")
    assert url == scene.hook
    assert await scene.states(message_id) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
    assert scene.receiver.heard == []


async def test_a_message_reads_back_as_it_was_published(scene: Scene) -> None:
    published = await scene.publish(
        url=f"{scene.hook}/x",
        body="text",
        headers={"bypass-tunnel-reminder": "1"},
        retries=5,
        retry_delay="1000 * (1 + retried)",
        delay=60,
        timeout="2m",
        callback=f"{scene.hook}/callback",
        failure_callback=f"{scene.hook}/failure",
        callback_headers={"Forward-X": "1"},
        label="one,two",
        flow_control={"key": "k", "parallelism": 3},
    )

    message = await scene.client.message.get(published.message_id)

    assert message.body == "text"
    assert message.headers == {"Bypass-Tunnel-Reminder": ["1"]}
    assert message.max_retries == 5
    assert message.retry_delay_expression == "1000 * (1 + retried)"
    assert message.not_before - message.created_at == 60_000
    assert message.callback == f"{scene.hook}/callback"
    assert message.callback_headers == {"X": ["1"]}
    assert message.failure_callback == f"{scene.hook}/failure"
    assert message.label == "one"
    assert message.flow_control is not None
    assert message.flow_control.parallelism == 3
    assert message.flow_control.rate is None
    assert message.flow_control.period == 1


async def test_bytes_that_are_no_text_come_back_in_base64(scene: Scene) -> None:
    published = await scene.publish(url=scene.hook, body=b"\xff\x00", delay=60)

    message = await scene.client.message.get(published.message_id)

    assert message.body is None
    assert message.body_base64 == "/wA="


async def test_a_repeated_deduplication_id_is_told_and_not_delivered(scene: Scene) -> None:
    first = await scene.publish(url=scene.hook, body="a", deduplication_id="doc_1.1.1")
    again = await scene.publish(url=scene.hook, body="a", deduplication_id="doc_1.1.1")
    other = await scene.publish(url=scene.hook, body="a", deduplication_id="doc_1.1.2")

    await scene.receiver.hears(2)
    assert again.message_id == first.message_id
    assert again.deduplicated is True
    assert first.deduplicated is False or first.deduplicated is None
    assert await scene.becomes(other.message_id, "DELIVERED")
    assert len(scene.receiver.heard) == 2


async def test_equal_contents_are_one_message_when_asked(scene: Scene) -> None:
    ids = {
        (
            await scene.publish(url=scene.hook, body=body, content_based_deduplication=True)
        ).message_id
        for body in ("same", "same", "other")
    }

    assert len(ids) == 2


async def test_a_batch_answers_in_order_and_delivers_all(scene: Scene) -> None:
    answers = await scene.client.message.batch_json(
        [{"url": f"{scene.hook}/{number}", "body": {"n": number}} for number in range(20)]
    )

    heard = await scene.receiver.hears(20)
    by_path = {one.raw_path: one.headers["upstash-message-id"] for one in heard}
    assert [by_path[f"/{n}"] for n in range(20)] == [a.message_id for a in answers]  # type: ignore[union-attr] # no groups here


async def test_a_bad_batch_item_does_not_stop_the_others(scene: Scene) -> None:
    items = [{"destination": "nowhere"}, {"destination": scene.hook, "body": None, "queue": None}]

    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        answer = await http.post(f"{scene.broker}/v2/batch", json=items)

    refused, taken = answer.json()
    assert "invalid scheme" in refused["error"]
    assert taken["messageId"].startswith("msg_")
    await scene.receiver.hears(1)


async def test_many_messages_are_cancelled_by_id_or_all_at_once(scene: Scene) -> None:
    ids = [(await scene.publish(url=scene.hook, body="x", delay=60)).message_id for _ in range(5)]

    assert await scene.client.message.cancel_many([]) == 0
    assert await scene.client.message.cancel_many(ids[:2]) == 2
    assert await scene.client.message.cancel_many(ids[:2]) == 0
    assert await scene.client.message.cancel_all() == 3
    assert await scene.states(ids[4]) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]


async def test_options_may_come_in_the_query(scene: Scene) -> None:
    url = (
        f"{scene.broker}/v2/publish/{scene.hook}/q?keep=1"
        f"&upstash-method=PATCH&Upstash-Forward-X-Own=a%20b&qstash_token={TOKEN}"
    )

    async with httpx.AsyncClient() as http:
        answer = await http.post(url, content=b"x")

    assert answer.status_code == 200
    (heard,) = await scene.receiver.hears(1)
    assert (heard.method, heard.raw_path) == ("PATCH", "/q?keep=1")
    assert heard.headers["x-own"] == "a b"
    assert "authorization" not in heard.headers


async def test_a_rotated_key_signs_what_is_sent_afterwards(scene: Scene) -> None:
    before = await scene.client.signing_key.get()

    after = await scene.client.signing_key.rotate()
    await scene.publish(url=scene.hook, body="x")

    assert after.current == before.next
    assert after.next not in (before.current, before.next)
    (heard,) = await scene.receiver.hears(1)
    verifier = Verifier("sig_unknown_unknown_unknown_unknown", after.current)
    verifier.verify(signature=heard.headers["upstash-signature"], body="x", url=scene.hook)


async def test_callbacks_are_signed_messages_of_their_own(scene: Scene) -> None:
    scene.receiver.answer(Answer(status=500, body=b"no"), Answer(status=200))
    keys = await scene.client.signing_key.get()

    published = await scene.publish(
        url=f"{scene.hook}/work",
        body="x",
        retries=0,
        callback=f"{scene.hook}/callback",
        failure_callback=f"{scene.hook}/failure",
    )

    heard = await scene.receiver.hears(3)
    told = {one.raw_path: one for one in heard[1:]}
    assert set(told) == {"/callback", "/failure"}
    dead = (await scene.client.dlq.list()).messages
    failure = httpx.Response(200, content=told["/failure"].body).json()
    assert failure["status"] == 500
    assert failure["sourceMessageId"] == published.message_id
    assert failure["body"] == "bm8="
    assert failure["dlqId"] == dead[0].dlq_id
    assert "dlqId" not in httpx.Response(200, content=told["/callback"].body).json()
    for path, one in told.items():
        Verifier(keys.current, keys.next).verify(
            signature=one.headers["upstash-signature"],
            body=one.body.decode(),
            url=scene.hook + path,
        )


async def test_the_log_pages_and_filters(scene: Scene) -> None:
    ids = [
        (await scene.publish(url=f"{scene.hook}/{n}", body="x", label=f"l{n}")).message_id
        for n in range(3)
    ]
    for message_id in ids:
        await scene.becomes(message_id, "DELIVERED")

    seen = []
    cursor = None
    while True:
        page = await scene.client.log.list(cursor=cursor, count=4)
        seen += page.logs
        cursor = page.cursor
        if cursor is None:
            break
    labelled = await scene.client.log.list(filter={"label": "l1"})
    several = await scene.client.log.list(filter={"message_ids": ids[:2]})
    by_url = await scene.client.log.list(filter={"url": f"{scene.hook}/2"})
    queued = await scene.client.log.list(filter={"queue": "none-such"})

    assert len(seen) == 9
    assert len({(entry.message_id, entry.state) for entry in seen}) == 9
    assert {entry.message_id for entry in labelled.logs} == {ids[1]}
    assert {entry.message_id for entry in several.logs} == set(ids[:2])
    assert {entry.message_id for entry in by_url.logs} == {ids[2]}
    assert queued.logs == []
