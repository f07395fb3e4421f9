"""Filters pick what they name, and nothing else: in the log, in a cancel, among dead letters."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from service.broker.app import Limits
from service.broker.outcome import Answer
from tests.brokers import FakeTime, Network, api_client, becomes_true, broker_over, migrated

pytestmark = pytest.mark.anyio

WANTED, OTHER = "http://a.example/wanted", "http://a.example/other"
STRANGER = "192.0.2.7"

Headers = dict[str, str]
Given = dict[str, str]
"""A filter, as it stands in the query."""


class Scene:
    """A broker with time in the hand, and two who publish from different addresses."""

    def __init__(
        self, time: FakeTime, network: Network, http: httpx.AsyncClient, stranger: httpx.AsyncClient
    ) -> None:
        self.time = time
        self.network = network
        self.http = http
        self.stranger = stranger

    async def has(self, filtered_by: str, **options: str) -> Given:
        """One message that the filter names and one that it does not; gives the filter."""
        headers = {f"Upstash-{name}": value for name, value in options.items()}
        given = await MAKE[filtered_by](self, headers)
        await self.time.pass_by(10)
        await posted(self.http, f"publish/{OTHER}", headers)
        return given

    async def urls(self, path: str, key: str, given: Given) -> list[str]:
        page = (await self.http.get(f"/v2/{path}", params=given)).json()
        return [entry["url"] for entry in page[key]]


async def posted(http: httpx.AsyncClient, path: str, headers: Headers) -> httpx.Response:
    answer = await http.post(f"/v2/{path}", headers=headers, content=b"x")
    assert answer.status_code in (200, 201), answer.text
    return answer


async def of_a_caller(scene: Scene, headers: Headers) -> Given:
    await posted(scene.stranger, f"publish/{WANTED}", headers)
    return {"callerIp": STRANGER}


async def of_a_caller_in_capitals(scene: Scene, headers: Headers) -> Given:
    await posted(scene.stranger, f"publish/{WANTED}", headers)
    return {"callerIP": STRANGER}


async def of_a_schedule(scene: Scene, headers: Headers) -> Given:
    every_five_minutes = {**headers, "Upstash-Cron": "*/5 * * * *"}
    answer = await posted(scene.http, f"schedules/{WANTED}", every_five_minutes)
    await scene.time.asleep()
    await scene.time.pass_by(300)
    return {"scheduleId": answer.json()["scheduleId"]}


async def of_a_key(scene: Scene, headers: Headers) -> Given:
    flow = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1"}
    await posted(scene.http, f"publish/{WANTED}", {**headers, **flow})
    return {"flowControlKey": "k"}


async def of_a_group(scene: Scene, headers: Headers) -> Given:
    await scene.http.post("/v2/topics/g/endpoints", json={"endpoints": [{"url": WANTED}]})
    await posted(scene.http, "publish/g", headers)
    return {"topicName": "g"}


async def of_a_queue(scene: Scene, headers: Headers) -> Given:
    await posted(scene.http, f"enqueue/q/{WANTED}", headers)
    return {"queueName": "q"}


async def of_a_time(scene: Scene, headers: Headers) -> Given:
    await posted(scene.http, f"publish/{WANTED}", headers)
    return {"toDate": str(scene.time.now // 1000)}


MAKE: dict[str, Callable[[Scene, Headers], Awaitable[Given]]] = {
    "callerIp": of_a_caller,
    "callerIP": of_a_caller_in_capitals,
    "scheduleId": of_a_schedule,
    "flowControlKey": of_a_key,
    "topicName": of_a_group,
    "queueName": of_a_queue,
    "toDate": of_a_time,
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    time = FakeTime()
    network = Network(time)
    network.answers = lambda _: Answer(status=500)
    app = broker_over(
        migrated(tmp_path),
        clock=time,
        wait=time.wait,
        sender=network,
        limits=Limits(shutdown=1.0),
    )
    async with app.lifespan(), api_client(app) as http, api_client(app, caller=STRANGER) as other:
        await time.asleep()
        yield Scene(time, network, http, other)


@pytest.mark.parametrize("name", MAKE)
async def test_the_log_is_picked_by(scene: Scene, name: str) -> None:
    given = await scene.has(name, Delay="1h")

    assert await scene.urls("logs", "logs", {**given, "state": "CREATED"}) == [WANTED]
    assert sorted(await scene.urls("logs", "logs", {"state": "CREATED"})) == [OTHER, WANTED]


@pytest.mark.parametrize("name", MAKE)
async def test_messages_are_cancelled_by(scene: Scene, name: str) -> None:
    given = await scene.has(name, Delay="1h")

    answer = await scene.http.delete("/v2/messages", params=given)

    assert answer.json() == {"cancelled": 1}
    assert await scene.urls("logs", "logs", {"state": "CANCELED"}) == [WANTED]


@pytest.mark.parametrize("name", MAKE)
async def test_dead_letters_are_picked_by(scene: Scene, name: str) -> None:
    given = await scene.has(name, Retries="0")

    async def both_dead() -> bool:
        return len(await scene.urls("dlq", "messages", {})) == 2

    await becomes_true(both_dead)

    assert await scene.urls("dlq", "messages", given) == [WANTED]
    deleted = await scene.http.delete("/v2/dlq", params=given)
    assert deleted.json() == {"deleted": 1}
    assert await scene.urls("dlq", "messages", {}) == [OTHER]
