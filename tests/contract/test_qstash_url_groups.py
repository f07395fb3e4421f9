"""URL groups, through the official SDK."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from qstash import AsyncQStash
from qstash.errors import QStashError

from service.broker.outcome import Answer
from tests.brokers import TOKEN, Receiver, broker_over, migrated, sdk_client, served

pytestmark = pytest.mark.anyio


class Scene:
    """A broker, a receiver, the SDK and a plain client."""

    def __init__(self, receiver: Receiver, hook: str, client: AsyncQStash, http: httpx.AsyncClient):
        self.receiver = receiver
        self.hook = hook
        self.client = client
        self.http = http

    async def group(self, *names: str) -> None:
        """A group `g` with an endpoint for each name."""
        await self.client.url_group.upsert_endpoints(
            "g", [{"url": f"{self.hook}/{name}", "name": name} for name in names]
        )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    receiver = Receiver()
    async with (
        served(receiver) as hook,
        served(broker_over(migrated(tmp_path))) as broker,
        sdk_client(broker) as client,
        httpx.AsyncClient(base_url=broker, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        yield Scene(receiver, hook, client, http)


async def test_a_group_is_made_by_its_first_endpoint_and_ends_with_its_last(scene: Scene) -> None:
    groups = scene.client.url_group
    await groups.delete("g")
    await groups.upsert_endpoints("g", [{"url": f"{scene.hook}/1"}])
    await groups.upsert_endpoints("g", [{"url": f"{scene.hook}/2", "name": "two"}])

    group = await groups.get("g")

    assert [(one.url, one.name) for one in group.endpoints] == [
        (f"{scene.hook}/1", None),
        (f"{scene.hook}/2", "two"),
    ]
    assert group.created_at <= group.updated_at
    assert [one.name for one in await groups.list()] == ["g"]
    await groups.remove_endpoints("g", [{"name": "two"}])
    await groups.remove_endpoints("g", [{"url": f"{scene.hook}/1"}])
    assert await groups.list() == []
    with pytest.raises(QStashError, match="404"):
        await groups.get("g")


async def test_an_endpoint_of_the_same_name_or_url_is_replaced(scene: Scene) -> None:
    groups = scene.client.url_group
    await scene.group("a", "b")

    await groups.upsert_endpoints("g", [{"url": f"{scene.hook}/new", "name": "a"}])
    await groups.upsert_endpoints("g", [{"url": f"{scene.hook}/b", "name": "renamed"}])

    group = await groups.get("g")
    assert [(one.url, one.name) for one in group.endpoints] == [
        (f"{scene.hook}/new", "a"),
        (f"{scene.hook}/b", "renamed"),
    ]


async def test_one_publish_is_one_message_for_each_endpoint(scene: Scene) -> None:
    await scene.group("a", "b", "c")

    answers = await scene.client.message.publish_json(url_group="g", body={"n": 1})

    assert isinstance(answers, list)
    assert [answer.url for answer in answers] == [f"{scene.hook}/{name}" for name in "abc"]
    heard = await scene.receiver.hears(3)
    assert {(one.raw_path, one.headers["upstash-message-id"]) for one in heard} == {
        (f"/{name}", answer.message_id) for name, answer in zip("abc", answers, strict=True)
    }
    assert {one.headers["upstash-topic-name"] for one in heard} == {"g"}
    message = await scene.client.message.get(answers[1].message_id)
    assert (message.url_group, message.endpoint) == ("g", "b")


async def test_a_group_in_a_batch_answers_with_a_list_in_its_place(scene: Scene) -> None:
    await scene.group("a", "b")

    one, many = await scene.client.message.batch(
        [{"url": f"{scene.hook}/x", "body": "x"}, {"url_group": "g", "body": "y"}]
    )

    assert not isinstance(one, list)
    assert isinstance(many, list)
    assert [answer.url for answer in many] == [f"{scene.hook}/a", f"{scene.hook}/b"]
    heard = await scene.receiver.hears(3)
    assert sorted(one.raw_path for one in heard) == ["/a", "/b", "/x"]


async def test_a_deduplication_id_counts_for_each_endpoint(scene: Scene) -> None:
    await scene.group("a", "b")
    first = await scene.client.message.publish(url_group="g", body="x", deduplication_id="d")
    await scene.group("c")

    again = await scene.client.message.publish(url_group="g", body="x", deduplication_id="d")

    assert isinstance(first, list)
    assert isinstance(again, list)
    assert [bool(answer.deduplicated) for answer in again] == [True, True, False]
    assert [answer.message_id for answer in again[:2]] == [answer.message_id for answer in first]
    await scene.receiver.hears(3)


async def test_the_defaults_of_a_group_hold_where_a_message_says_nothing(scene: Scene) -> None:
    await scene.group("a")
    defaults = {
        "Upstash-Retries": "7",
        "Upstash-Timeout": "9s",
        "Upstash-Forward-X-From": ["group"],
        "Upstash-Header-Forward": ["true"],
    }
    answer = await scene.http.patch("/v2/topics/g", json={"headers": defaults})
    assert answer.status_code == 200

    published = await scene.http.post(
        "/v2/publish/g", headers={"Upstash-Timeout": "1m", "X-Passed": "yes"}
    )

    message = await scene.client.message.get(published.json()[0]["messageId"])
    assert message.max_retries == 7
    (heard,) = await scene.receiver.hears(1)
    assert heard.headers["x-from"] == "group"
    assert heard.headers["x-passed"] == "yes"
    log = await scene.client.log.list(filter={"url_group": "g"})
    assert {entry.timeout for entry in log.logs} == {60_000}
    shown = (await scene.http.get("/v2/topics/g")).json()["headers"]
    assert shown["Upstash-Header-Forward"] == ["true"]


async def test_log_and_dead_letters_are_picked_by_group(scene: Scene) -> None:
    scene.receiver.answer(Answer(status=500))
    await scene.group("a", "b")
    await scene.client.message.publish(url_group="g", body="x", retries=0)
    await scene.client.message.publish(url=f"{scene.hook}/else", body="x", retries=0)

    await scene.receiver.hears(3)

    log = await scene.client.log.list(filter={"url_group": "g"})
    assert {(entry.url_group, entry.endpoint) for entry in log.logs} == {("g", "a"), ("g", "b")}
    dead = await scene.client.dlq.list(filter={"url_group": "g"})
    assert {message.endpoint for message in dead.messages} <= {"a", "b"}
    assert {message.url_group for message in dead.messages} <= {"g"}


async def test_waiting_messages_of_a_group_are_cancelled_together(scene: Scene) -> None:
    await scene.group("a", "b")
    await scene.client.message.publish(url_group="g", body="x", delay="1h")
    await scene.client.message.publish(url=scene.hook, body="x", delay="1h")

    cancelled = await scene.http.delete("/v2/messages", params={"topicName": "g"})

    assert cancelled.json() == {"cancelled": 2}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "endpoints"),
        (b"[]", "endpoints"),
        (b'{"endpoints": 1}', "endpoints"),
        (b'{"endpoints": []}', "at least one"),
        (b'{"endpoints": [1]}', "object"),
        (b'{"endpoints": [{}]}', "url"),
        (b'{"endpoints": [{"url": "nowhere"}]}', "scheme"),
        (b'{"endpoints": [{"url": "http://a", "name": 1}]}', "name"),
        (b'{"endpoints": [{"url": "http://a", "name": "a b"}]}', "endpoint name"),
    ],
)
async def test_endpoints_of_another_shape_are_refused(
    scene: Scene, body: bytes, named: str
) -> None:
    answer = await scene.http.post("/v2/topics/g/endpoints", content=body)

    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("POST", "/v2/topics/a%20b/endpoints", 400, "url group name"),
        ("DELETE", "/v2/topics/none/endpoints", 404, "none"),
        ("PATCH", "/v2/topics/none", 404, "none"),
        ("POST", "/v2/publish/none", 400, "none"),
    ],
)
async def test_a_group_that_is_not_there_or_cannot_be_is_told(
    scene: Scene, method: str, path: str, status: int, named: str
) -> None:
    body = {"endpoints": [{"url": scene.hook}], "headers": {}}

    answer = await scene.http.request(method, path, json=body)

    assert answer.status_code == status
    assert named in answer.json()["error"]


@pytest.mark.parametrize("headers", [1, {"Upstash-Retries": 3}, {"Upstash-Retries": "x"}])
async def test_defaults_that_mean_nothing_are_refused(scene: Scene, headers: object) -> None:
    await scene.group("a")

    answer = await scene.http.patch("/v2/topics/g", json={"headers": headers})

    assert answer.status_code == 400
    assert "etries" in answer.json()["error"] or "headers" in answer.json()["error"]
