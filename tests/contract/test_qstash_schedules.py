"""Schedules, queues and flow control, through the official SDK: asynchronous and synchronous."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from qstash import AsyncQStash, QStash
from qstash.errors import QStashError
from qstash.message import EnqueueResponse

from tests.brokers import TOKEN, broker_over, migrated, sdk_client, served

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:9/nobody"
NEVER = "0 0 1 1 *"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[str]:
    async with served(broker_over(migrated(tmp_path))) as address:
        yield address


@pytest.fixture
async def client(broker: str) -> AsyncIterator[AsyncQStash]:
    async with sdk_client(broker) as client:
        yield client


async def test_a_schedule_reads_back_as_it_was_made(client: AsyncQStash) -> None:
    name = await client.schedule.create(
        destination=f"{URL}?a=1",
        cron="CRON_TZ=Europe/Berlin 0 4 * * *",
        body="tick",
        content_type="text/plain",
        method="PUT",
        headers={"X-Own": "1"},
        callback_headers={"Forward-X": "2"},
        failure_callback_headers={"Forward-Y": "3"},
        retries=7,
        retry_delay="1000 * retried",
        callback=f"{URL}/callback",
        failure_callback=f"{URL}/failure",
        delay=90,
        timeout="1m",
        schedule_id="s.1",
        queue="q",
        flow_control={"key": "k", "parallelism": 2, "rate": 3, "period": "1m"},
        label="one,two",
    )

    found = await client.schedule.get(name)

    assert (name, found.schedule_id, found.destination) == ("s.1", "s.1", f"{URL}?a=1")
    assert found.cron == "CRON_TZ=Europe/Berlin 0 4 * * *"
    assert (found.body, found.body_base64, found.method) == ("tick", None, "PUT")
    assert found.headers == {"Content-Type": ["text/plain"], "X-Own": ["1"]}
    assert found.callback_headers == {"X": ["2"]}
    assert found.failure_callback_headers == {"Y": ["3"]}
    assert (found.retries, found.retry_delay_expression) == (7, "1000 * retried")
    assert (found.callback, found.failure_callback) == (f"{URL}/callback", f"{URL}/failure")
    assert (found.delay, found.timeout, found.queue) == (90, 60, "q")
    assert found.flow_control is not None
    flow = found.flow_control
    assert (flow.key, flow.parallelism, flow.rate, flow.period) == ("k", 2, 3, 60)
    assert (found.label, found.caller_ip, found.paused) == ("one", "127.0.0.1", False)
    assert found.next_schedule_time is not None
    assert found.next_schedule_time > found.created_at
    assert (found.last_schedule_time, found.last_schedule_states) == (None, None)


async def test_a_redacted_schedule_shows_hashes(client: AsyncQStash) -> None:
    name = await client.schedule.create(
        destination=URL,
        cron=NEVER,
        body="secret",
        headers={"X-Own": "secret"},
        redact={"body": True, "header": True},
    )

    found = await client.schedule.get(name)

    hashed = "REDACTED:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    assert (found.body, found.headers) == (hashed, {"X-Own": [hashed]})


async def test_a_schedule_of_bytes_comes_back_in_base64(client: AsyncQStash) -> None:
    name = await client.schedule.create(destination=URL, cron=NEVER, body=b"\xff\x00")

    found = await client.schedule.get(name)

    assert (found.body, found.body_base64) == (None, "/wA=")


async def test_schedules_are_replaced_paused_listed_and_deleted(client: AsyncQStash) -> None:
    await client.schedule.create_json(
        destination=URL, cron=NEVER, body={"a": 1}, schedule_id="s", retries=7, label="old"
    )
    await client.schedule.create(destination=URL, cron="0 0 2 1 *", schedule_id="s")
    other = await client.schedule.create(destination=URL, cron=NEVER)

    await client.schedule.pause("s")
    assert (await client.schedule.get("s")).paused
    await client.schedule.resume("s")
    found = await client.schedule.get("s")

    assert (found.paused, found.cron, found.retries, found.label) == (False, "0 0 2 1 *", 3, None)
    assert found.body is None
    assert [each.schedule_id for each in await client.schedule.list()] == ["s", other]
    await client.schedule.delete("s")
    with pytest.raises(QStashError, match="404"):
        await client.schedule.get("s")


async def test_queues_are_made_changed_paused_and_deleted(client: AsyncQStash) -> None:
    await client.queue.upsert("q", parallelism=3)
    made = await client.queue.get("q")
    await client.queue.pause("q")
    paused = await client.queue.get("q")
    await client.queue.resume("q")
    await client.queue.upsert("q", paused=True)
    changed = await client.queue.get("q")

    assert (made.name, made.parallelism, made.paused, made.lag) == ("q", 3, False, 0)
    assert made.created_at <= made.updated_at
    assert paused.paused
    assert (changed.parallelism, changed.paused) == (1, True)
    assert [queue.name for queue in await client.queue.list()] == ["q"]
    await client.queue.delete("q")
    with pytest.raises(QStashError, match="404"):
        await client.queue.get("q")


async def test_enqueueing_makes_the_queue(client: AsyncQStash) -> None:
    await client.queue.upsert("paused", paused=True)
    answers = [
        await client.message.enqueue(queue="fresh", url=URL, body="x"),
        await client.message.enqueue_json(queue="fresh", url=URL, body={"a": 1}),
    ]
    batch = await client.message.batch_json([{"url": URL, "body": {}, "queue": "batched"}])

    assert [queue.name for queue in await client.queue.list()] == ["batched", "fresh", "paused"]
    assert (await client.queue.get("fresh")).parallelism == 1
    for answer in (*answers, *batch):
        assert isinstance(answer, EnqueueResponse) or not isinstance(answer, list)
    assert isinstance(answers[0], EnqueueResponse)
    message = await client.message.get(answers[0].message_id)
    assert message.queue == "fresh"
    log = await client.log.list(filter={"queue": "fresh"})
    assert {entry.queue for entry in log.logs} == {"fresh"}


async def test_flow_control_is_shown_and_changed(client: AsyncQStash) -> None:
    flow = client.flow_control
    await client.message.publish(
        url=URL,
        delay="1h",
        flow_control={"key": "k", "parallelism": 4, "rate": 7, "period": "1m"},
    )

    made = await flow.get("k")
    await flow.pause("k")
    paused = await flow.get("k")
    await flow.resume("k")
    await flow.pin("k", {"parallelism": 2, "rate": 3, "period": 5})
    pinned = await flow.get("k")
    await flow.unpin("k", {"rate": True})
    half = await flow.get("k")
    await flow.reset_rate("k")

    assert (made.parallelism_max, made.rate_max, made.rate_period) == (4, 7, 60)
    assert (made.wait_list_size, made.parallelism_count, made.rate_count) == (0, 0, 0)
    assert (made.is_paused, paused.is_paused) == (False, True)
    assert (pinned.parallelism_max, pinned.rate_max, pinned.rate_period) == (2, 3, 5)
    assert (pinned.is_pinned_parallelism, pinned.is_pinned_rate) == (True, True)
    assert (half.is_pinned_parallelism, half.is_pinned_rate) == (True, False)
    assert (await flow.get("k")).rate_count == 0
    assert (await flow.get_global_parallelism()).parallelism_max > 0
    with pytest.raises(QStashError, match="404"):
        await flow.get("none")


async def test_the_synchronous_client_says_the_same(broker: str) -> None:
    def use() -> None:
        client = QStash(TOKEN, base_url=broker, retry=False)
        with client.http._client:
            name = client.schedule.create(destination=URL, cron=NEVER, body="x")
            client.schedule.pause(name)
            assert client.schedule.get(name).paused
            client.schedule.resume(name)
            assert [each.schedule_id for each in client.schedule.list()] == [name]
            client.schedule.delete(name)

            client.url_group.upsert_endpoints("g", [{"url": URL, "name": "one"}])
            assert client.url_group.get("g").endpoints[0].name == "one"
            many = client.message.publish(url_group="g", body="x", delay="1h")
            assert isinstance(many, list)
            client.url_group.remove_endpoints("g", [{"name": "one"}])
            assert client.url_group.list() == []
            client.url_group.delete("g")

            client.queue.upsert("q", parallelism=2)
            client.queue.pause("q")
            client.message.enqueue_json(queue="q", url=URL, body={})
            assert client.queue.get("q").paused
            client.queue.resume("q")
            assert [queue.name for queue in client.queue.list()] == ["q"]
            client.queue.delete("q")

            client.flow_control.pin("k", {"parallelism": 2})
            client.flow_control.pause("k")
            assert client.flow_control.get("k").is_paused
            client.flow_control.resume("k")
            client.flow_control.unpin("k", {"parallelism": True})
            client.flow_control.reset_rate("k")
            assert client.flow_control.get_global_parallelism().parallelism_max > 0

            assert client.message.cancel_many([one.message_id for one in many]) == 1
            assert client.dlq.list(filter={"url_group": "none"}).messages == []
            assert client.dlq.delete_many([]) == 0
            assert len(client.message.batch([{"url": URL, "body": "x", "delay": "1h"}])) == 1
            assert client.message.cancel_all() >= 1
            client.signing_key.rotate()

    await asyncio.to_thread(use)
