"""Queues and flow-control keys as the broker keeps them, apart from what they do to deliveries."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from service.broker.controls import Controls
from service.broker.errors import Unknown
from tests.brokers import FakeTime, Network, api_client, broker_over, migrated

pytestmark = pytest.mark.anyio

Publish = Callable[[str, str], Awaitable[None]]


class Scene:
    def __init__(
        self, time: FakeTime, controls: Controls, http: httpx.AsyncClient, publish: Publish
    ) -> None:
        self.time = time
        self.http = http
        self.controls = controls
        self.publish = publish


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    time = FakeTime()
    app = broker_over(migrated(tmp_path), clock=time, wait=time.wait, sender=Network(time))
    async with app.lifespan(), api_client(app) as http:

        async def publish(key: str, value: str) -> None:
            named = {"Upstash-Flow-Control-Key": key, "Upstash-Flow-Control-Value": value}
            await http.post(
                "/v2/publish/http://a.example/x", headers={**named, "Upstash-Delay": "1d"}
            )

        yield Scene(time, app.state.broker.controls, http, publish)


async def test_a_queue_is_made_changed_listed_and_deleted(scene: Scene) -> None:
    controls = scene.controls
    await controls.put_queue("b", parallelism=3)
    await controls.put_queue("a", paused=True)
    made = await controls.queue("b")
    scene.time.advance(5)
    await controls.put_queue("b", paused=True)

    changed = await controls.queue("b")
    assert (made.parallelism, made.paused, made.lag) == (3, False, 0)
    assert changed == replace(made, paused=True, updated_at=made.updated_at + 5_000_000)
    assert [queue.name for queue in await controls.queues()] == ["a", "b"]

    await controls.delete_queue("b")
    assert [queue.name for queue in await controls.queues()] == ["a"]
    with pytest.raises(Unknown, match="queue b not found"):
        await controls.queue("b")


async def test_only_put_makes_a_queue(scene: Scene) -> None:
    with pytest.raises(Unknown, match="queue q not found"):
        await scene.controls.pause_queue("q", paused=True)
    with pytest.raises(Unknown, match="queue q not found"):
        await scene.controls.delete_queue("q")


async def test_the_newest_message_decides_what_holds_for_its_key(scene: Scene) -> None:
    await scene.publish("k", "parallelism=3")
    await scene.publish("k", "rate=10, period=60")

    state = await scene.controls.flow_key("k")

    assert (state.parallelism, state.rate, state.period) == (None, 10, 60)


async def test_a_pin_holds_against_later_messages_until_it_is_taken_away(scene: Scene) -> None:
    controls = scene.controls
    await scene.publish("k", "parallelism=3, rate=10, period=60")
    await controls.pin_key("k", parallelism=7, rate=70)
    await scene.publish("k", "parallelism=4, rate=20, period=30")

    state = await controls.flow_key("k")
    assert (state.parallelism, state.rate, state.period) == (7, 70, 60)
    assert (state.pinned_parallelism, state.pinned_rate) == (True, True)

    await controls.unpin_key("k", parallelism=False, rate=True)
    assert (await controls.flow_key("k")).rate == 70
    await scene.publish("k", "parallelism=4, rate=20, period=30")

    state = await controls.flow_key("k")
    assert (state.parallelism, state.rate, state.period) == (7, 20, 30)
    assert (state.pinned_parallelism, state.pinned_rate) == (True, False)


async def test_keys_are_paused_resumed_searched_and_not_invented(scene: Scene) -> None:
    controls = scene.controls
    for key in ("mail", "email", "web"):
        await scene.publish(key, "rate=1")

    await controls.pause_key("mail", paused=True)

    assert [(key.key, key.paused) for key in await controls.flow_keys("mail")] == [
        ("email", False),
        ("mail", True),
    ]
    await controls.pause_key("mail", paused=False)
    assert not (await controls.flow_key("mail")).paused
    for refused in (
        controls.pause_key("x", paused=False),
        controls.unpin_key("x", parallelism=True, rate=True),
        controls.reset_rate("x"),
        controls.flow_key("x"),
    ):
        with pytest.raises(Unknown, match="key x not found"):
            await refused


@pytest.mark.parametrize("name", ["team/a", "a b", "50%", "%2F", "/a/", "/", "a/pause", "?#"])
async def test_a_key_may_have_any_name_when_it_is_percent_encoded(scene: Scene, name: str) -> None:
    path = f"/v2/flowControl/{quote(name, safe='')}"
    await scene.publish(name, "parallelism=1,rate=9,period=1h")

    for verb in ("pause", "pin?parallelism=4", "resetRate"):
        assert (await scene.http.post(f"{path}/{verb}")).status_code == 200
    found = (await scene.http.get(path)).json()

    assert found["flowControlKey"] == name
    assert (found["isPaused"], found["parallelismMax"]) == (True, 4)
    listed = (await scene.http.get("/v2/flowControl")).json()
    assert [key["flowControlKey"] for key in listed] == [name]


async def test_a_key_with_a_slash_is_found_as_it_is_too(scene: Scene) -> None:
    await scene.publish("team/a", "parallelism=1")

    paused = await scene.http.post("/v2/flowControl/team/a/pause")
    found = await scene.http.get("/v2/flowControl/team/a")

    assert paused.status_code == 200
    assert found.json()["isPaused"] is True


@pytest.mark.parametrize("path", ["%2F", "%2F%2F", "/"])
async def test_a_key_of_slashes_that_is_not_there_is_no_list_of_keys(
    scene: Scene, path: str
) -> None:
    await scene.publish("k", "parallelism=1")

    refused = await scene.http.get(f"/v2/flowControl/{path}")
    listed = await scene.http.get("/v2/flowControl/?search=k")

    assert refused.status_code == 404
    assert [key["flowControlKey"] for key in listed.json()] == ["k"]


@pytest.mark.parametrize("path", ["k", "k/stop", "k/pause/", "/pause"])
async def test_what_cannot_be_done_with_a_key_is_not_found(scene: Scene, path: str) -> None:
    await scene.publish("k", "parallelism=1")

    refused = await scene.http.post(f"/v2/flowControl/{path}")

    assert refused.status_code == 404
    assert (await scene.http.get("/v2/flowControl/k")).json()["isPaused"] is False
