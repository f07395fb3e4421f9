"""How many attempts run at once: in all, and for each flow-control key."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.broker.app import Limits
from service.broker.outcome import Answer
from tests.brokers import Network, api_client, becomes_true, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


class Scene:
    """A broker with few workers and a network that can be held up."""

    def __init__(self, network: Network, http: httpx.AsyncClient) -> None:
        self.network = network
        self.http = http

    async def publish(self, count: int, *, key: str | None = None, parallelism: int = 2) -> None:
        headers = {}
        if key is not None:
            headers = {
                "Upstash-Flow-Control-Key": key,
                "Upstash-Flow-Control-Value": f"parallelism={parallelism}",
            }
        items = [
            {"destination": f"http://{key or f'host{n % 20}'}.example/{n}", "headers": headers}
            for n in range(count)
        ]
        answer = await self.http.post("/v2/batch", json=items)
        assert answer.status_code == 200, answer.text

    async def delivered(self) -> int:
        page = await self.http.get("/v2/events", params={"state": "DELIVERED"})
        return len(page.json()["events"])

    async def all_delivered(self, count: int) -> None:
        async def delivered() -> bool:
            return await self.delivered() == count

        await becomes_true(delivered)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    network = Network(FakeClock())
    app = broker_over(
        migrated(tmp_path), sender=network, limits=Limits(concurrency=8, shutdown=1.0)
    )
    async with (
        app.lifespan(),
        api_client(app) as http,
    ):
        yield Scene(network, http)


async def test_no_more_attempts_run_at_once_than_there_are_workers(scene: Scene) -> None:
    scene.network.gate = asyncio.Event()

    await scene.publish(900)
    await scene.network.sends(8)
    scene.network.gate.set()

    await scene.all_delivered(900)
    assert scene.network.most_under_way == 8


async def test_a_key_has_no_more_attempts_at_once_than_it_says(scene: Scene) -> None:
    await scene.publish(60, key="k", parallelism=2)

    await scene.all_delivered(60)

    assert scene.network.most_under_way <= 2
    assert [sent.url for sent in scene.network.sent] == [f"http://k.example/{n}" for n in range(60)]


async def test_a_busy_key_does_not_hold_others_up(scene: Scene) -> None:
    gate = asyncio.Event()
    slow = scene.network.send

    async def held_for_k(**request: object) -> object:
        if "k.example" in str(request["url"]):
            await gate.wait()
        return await slow(**request)  # type: ignore[arg-type] # passed through as it came

    scene.network.send = held_for_k  # type: ignore[method-assign,assignment] # the same shape
    await scene.publish(50, key="k", parallelism=2)
    await scene.publish(30)

    await scene.all_delivered(30)

    gate.set()
    await scene.all_delivered(80)


async def test_several_keys_are_served_side_by_side(scene: Scene) -> None:
    for number in range(20):
        await scene.publish(5, key=f"key{number}", parallelism=1)

    await scene.all_delivered(100)


async def test_parked_messages_survive_a_restart(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    network = Network(FakeClock())
    network.gate = asyncio.Event()
    limits = Limits(concurrency=8, shutdown=0.05)
    first = broker_over(database, sender=network, limits=limits)
    async with (
        first.lifespan(),
        api_client(first) as http,
    ):
        await Scene(network, http).publish(10, key="k", parallelism=1)
        await network.sends(1)

    again = Network(FakeClock())
    second = broker_over(database, sender=again, limits=limits)
    async with (
        second.lifespan(),
        api_client(second) as http,
    ):
        await Scene(again, http).all_delivered(10)

    assert again.most_under_way == 1
    assert len({sent.url for sent in again.sent}) == 10


async def test_a_message_cancelled_during_its_last_attempt_leaves_no_dead_letter(
    scene: Scene,
) -> None:
    scene.network.gate = asyncio.Event()
    scene.network.answers = lambda _: Answer(status=500)
    answer = await scene.http.post(
        "/v2/publish/http://a.example/x", headers={"Upstash-Retries": "0"}
    )
    message_id = answer.json()["messageId"]
    await scene.network.sends(1)

    assert (await scene.http.delete(f"/v2/messages/{message_id}")).status_code == 200
    scene.network.gate.set()

    async def ended() -> bool:
        page = await scene.http.get("/v2/events", params={"messageId": message_id})
        return bool(page.json()["events"][0]["state"] == "CANCELED")

    await becomes_true(ended)
    assert (await scene.http.get("/v2/dlq")).json()["messages"] == []


async def test_messages_cancelled_before_their_attempt_are_never_sent(scene: Scene) -> None:
    scene.network.gate = asyncio.Event()
    await scene.publish(40)
    await scene.network.sends(8)

    cancelled = (await scene.http.delete("/v2/messages")).json()["cancelled"]
    scene.network.gate.set()

    assert cancelled == 40
    await scene.all_delivered(8)
    assert len(scene.network.sent) == 8
