"""How long the broker remembers: deduplication ids, finished messages, dead letters, keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.app import Retention
from service.broker.outcome import Answer
from tests.brokers import FakeTime, Network, migrated
from tests.integration.broker_timing import Scene, opened, standing

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with standing(tmp_path) as scene:
        yield scene


async def test_a_deduplication_id_blocks_for_ten_minutes(scene: Scene) -> None:
    first = await scene.publish(Deduplication_Id="a")
    await scene.time.pass_by(599)
    assert await scene.publish(Deduplication_Id="a") == first
    await scene.time.pass_by(1)

    assert await scene.publish(Deduplication_Id="a") != first


async def test_how_long_a_deduplication_id_blocks_can_be_said(tmp_path: Path) -> None:
    time = FakeTime()
    briefly = Retention(deduplication=30)
    async with opened(migrated(tmp_path), time, Network(time), retention=briefly) as scene:
        first = await scene.publish(Deduplication_Id="a")
        equal = await scene.publish("http://example.com/y", Content_Based_Deduplication="true")
        await scene.time.pass_by(29)
        assert await scene.publish(Deduplication_Id="a") == first
        assert (
            await scene.publish("http://example.com/y", Content_Based_Deduplication="true") == equal
        )
        await scene.time.pass_by(1)

        assert await scene.publish(Deduplication_Id="a") != first
        assert (
            await scene.publish("http://example.com/y", Content_Based_Deduplication="true") != equal
        )


async def test_finished_messages_are_forgotten_in_their_time(scene: Scene) -> None:
    message_id = await scene.publish()
    await scene.attempted(1)
    await scene.time.pass_by(590)
    assert (await scene.http.get(f"/v2/messages/{message_id}")).status_code == 200

    await scene.time.pass_by(300)
    assert (await scene.http.get(f"/v2/messages/{message_id}")).status_code == 404
    entry = (await scene.http.get("/v2/events")).json()["events"][0]
    assert "body" not in entry

    await scene.time.pass_by(4 * 86_400)
    assert (await scene.http.get("/v2/events")).json()["events"] == []


async def test_dead_letters_keep_their_body_for_seven_days(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    await scene.publish(Retries="0")
    await scene.attempted(1)

    await scene.time.pass_by(6 * 86_400)
    (dead,) = (await scene.http.get("/v2/dlq")).json()["messages"]
    assert dead["body"] == "x"

    await scene.time.pass_by(2 * 86_400)
    assert (await scene.http.get("/v2/dlq")).json()["messages"] == []


async def test_flow_control_keys_that_nobody_uses_are_forgotten_and_pinned_ones_kept(
    scene: Scene,
) -> None:
    held = {"Flow-Control-Value": "parallelism=1"}
    for key in ("used", "pinned", "paused"):
        await scene.publish(**{"Flow-Control-Key": key, **held})
    await scene.publish(**{"Flow-Control-Key": "waits", "Delay": "5d", **held})
    await scene.attempted(3)
    pinned = await scene.http.post("/v2/flowControl/pinned/pin", params={"parallelism": 3})
    paused = await scene.http.post("/v2/flowControl/paused/pause")
    assert (pinned.status_code, paused.status_code) == (200, 200)

    await scene.time.pass_by(4 * 86_400)

    left = (await scene.http.get("/v2/flowControl")).json()
    assert [key["flowControlKey"] for key in left] == ["paused", "pinned", "waits"]
