"""The dead letter queue, through the official SDK."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from qstash import AsyncQStash
from qstash.errors import QStashError

from service.broker.outcome import Answer
from tests.brokers import TOKEN, Receiver, becomes_true, broker_over, migrated, sdk_client, served

pytestmark = pytest.mark.anyio

GIVE_UP = Answer(
    status=489, headers=(("Upstash-NonRetryable-Error", "true"),), body=b"password required"
)


class Scene:
    """A broker whose receiver refuses everything for good."""

    def __init__(self, broker: str, receiver: Receiver, hook: str, client: AsyncQStash) -> None:
        self.broker = broker
        self.receiver = receiver
        self.hook = hook
        self.client = client
        self.http = httpx.AsyncClient(base_url=broker, headers={"Authorization": f"Bearer {TOKEN}"})

    async def dead(self, count: int) -> list[str]:
        """Publishes messages that die, and waits until they have; gives their ids in the queue."""
        for number in range(count):
            await self.client.message.publish(
                url=f"{self.hook}/{number}", body="x", retries=3, label=f"l{number}"
            )

        async def all_dead() -> bool:
            return len((await self.client.dlq.list()).messages) == count

        await becomes_true(all_dead)
        return [message.dlq_id for message in (await self.client.dlq.list()).messages]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    receiver = Receiver()
    receiver.answer(GIVE_UP)
    async with (
        served(receiver) as hook,
        served(broker_over(migrated(tmp_path))) as broker,
        sdk_client(broker) as client,
    ):
        scene = Scene(broker, receiver, hook, client)
        async with scene.http:
            yield scene


async def test_a_refusal_for_good_is_not_retried_and_can_be_read(scene: Scene) -> None:
    (dlq_id,) = await scene.dead(1)

    message = await scene.client.dlq.get(dlq_id)

    assert message.response_status == 489
    assert message.response_body == "password required"
    assert message.body == "x"
    assert message.response_headers is not None
    assert message.response_headers["Upstash-Nonretryable-Error"] == ["true"]
    assert len(scene.receiver.heard) == 1
    log = await scene.client.log.list(filter={"message_id": message.message_id})
    assert [e.state.value for e in log.logs] == ["FAILED", "ERROR", "ACTIVE", "CREATED"]
    assert log.logs[1].response_status == 489


async def test_dead_letters_are_listed_in_pages_the_oldest_first(scene: Scene) -> None:
    ids = await scene.dead(3)

    first = await scene.client.dlq.list(count=2)
    second = await scene.client.dlq.list(count=2, cursor=first.cursor)

    assert [message.dlq_id for message in first.messages] == ids[:2]
    assert [message.dlq_id for message in second.messages] == ids[2:]
    assert second.cursor is None


async def test_dead_letters_are_picked_by_label_and_status(scene: Scene) -> None:
    await scene.dead(2)

    labelled = await scene.client.dlq.list(filter={"label": "l1"})
    status = await scene.client.dlq.list(filter={"response_status": 489})
    none = await scene.client.dlq.list(filter={"response_status": 500})

    assert [message.label for message in labelled.messages] == ["l1"]
    assert len(status.messages) == 2
    assert none.messages == []


async def test_dead_letters_are_deleted_once(scene: Scene) -> None:
    ids = await scene.dead(3)

    await scene.client.dlq.delete(ids[0])

    with pytest.raises(QStashError, match="404"):
        await scene.client.dlq.delete(ids[0])
    assert await scene.client.dlq.delete_many(ids) == 2
    assert (await scene.client.dlq.list()).messages == []


async def test_a_retry_makes_a_new_message_and_removes_the_dead_letter(scene: Scene) -> None:
    (dlq_id,) = await scene.dead(1)
    dead = await scene.client.dlq.get(dlq_id)
    scene.receiver.answer(Answer(status=200))

    answer = await scene.http.post(
        f"/v2/dlq/retry/{dlq_id}", headers={"Upstash-Method": "PUT", "Upstash-Retries": "1"}
    )

    assert answer.status_code == 201
    heard = (await scene.receiver.hears(2))[1]
    assert heard.headers["upstash-message-id"] == answer.json()["messageId"] != dead.message_id
    assert (heard.method, heard.body) == ("PUT", b"x")
    message = await scene.client.message.get(answer.json()["messageId"])
    assert (message.max_retries, message.label) == (1, "l0")
    with pytest.raises(QStashError, match="404"):
        await scene.client.dlq.get(dlq_id)
    again = await scene.http.post(f"/v2/dlq/retry/{dlq_id}")
    assert again.status_code == 404


async def test_several_dead_letters_are_retried_at_once(scene: Scene) -> None:
    ids = await scene.dead(3)
    scene.receiver.answer(Answer(status=200))

    answer = await scene.http.post("/v2/dlq/retry", params={"dlqIds": ids[:2]})

    assert answer.status_code == 201
    assert len(answer.json()["responses"]) == 2
    await scene.receiver.hears(5)
    left = await scene.client.dlq.list()
    assert [message.dlq_id for message in left.messages] == ids[2:]


async def test_deleting_without_saying_which_is_refused(scene: Scene) -> None:
    await scene.dead(1)

    answer = await scene.http.delete("/v2/dlq")

    assert answer.status_code == 400
    assert "dlqIds" in answer.json()["error"]
    assert len((await scene.client.dlq.list()).messages) == 1
