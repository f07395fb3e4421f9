"""When the engine sends, with time in the test's hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.outcome import Answer
from tests.brokers import FakeTime, Network, migrated
from tests.integration.broker_timing import Scene, opened, standing

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with standing(tmp_path) as scene:
        yield scene


async def test_retries_come_after_12_seconds_and_148_and_1808(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    message_id = await scene.publish()
    await scene.attempted(1)

    await scene.sends_after(12, 2)
    await scene.sends_after(148, 3)
    await scene.sends_after(1808, 4)

    assert [sent.headers["Upstash-Retried"] for sent in scene.network.sent] == list("0123")
    assert len({sent.headers["Upstash-Message-Id"] for sent in scene.network.sent}) == 1
    assert (await scene.states(message_id))[-3:] == ["ACTIVE", "ERROR", "FAILED"]


async def test_the_publishers_expression_sets_the_pace(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    await scene.publish(Retry_Delay="1000 * (1 + retried)")
    await scene.attempted(1)

    await scene.sends_after(1, 2)
    await scene.sends_after(2, 3)
    await scene.sends_after(3, 4)


async def test_the_destination_sets_the_pace_with_retry_after(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=503, headers=(("Retry-After", "33"),))
    message_id = await scene.publish(Retry_Delay="1000")
    await scene.attempted(1)

    await scene.sends_after(33, 2)

    page = (await scene.http.get("/v2/events", params={"messageId": message_id})).json()
    retry = next(entry for entry in page["events"] if entry["state"] == "RETRY")
    assert retry["nextDeliveryTime"] - retry["time"] == 33_000


async def test_a_delay_holds_the_first_attempt_back(scene: Scene) -> None:
    await scene.publish(Delay="1h")

    await scene.sends_after(3600, 1)


async def test_a_moment_beats_a_delay(scene: Scene) -> None:
    seconds = scene.time.now // 1_000_000

    await scene.publish(Delay="1h", Not_Before=str(seconds + 60))

    await scene.sends_after(60, 1)


async def test_a_moment_in_the_past_means_at_once(scene: Scene) -> None:
    await scene.publish(Not_Before="1000")

    await scene.attempted(1)


async def test_messages_due_at_different_times_each_have_theirs(scene: Scene) -> None:
    for seconds in (300, 20, 100):
        await scene.publish(f"http://example.com/{seconds}", Delay=f"{seconds}s")

    await scene.sends_after(20, 1)
    await scene.sends_after(80, 2)
    await scene.sends_after(200, 3)

    assert [sent.url.rsplit("/")[-1] for sent in scene.network.sent] == ["20", "100", "300"]


async def test_a_message_waiting_for_its_retry_can_be_cancelled(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    message_id = await scene.publish()
    await scene.attempted(1)
    await scene.time.asleep()

    assert (await scene.http.delete(f"/v2/messages/{message_id}")).json() == {"cancelled": 1}
    await scene.time.pass_by(86_400)

    assert len(scene.network.sent) == 1
    assert (await scene.states(message_id))[-2:] == ["CANCEL_REQUESTED", "CANCELED"]


async def test_what_was_waiting_at_the_end_is_delivered_after_the_next_start(
    tmp_path: Path,
) -> None:
    database, time = migrated(tmp_path), FakeTime()
    first, second = Network(time), Network(time)
    async with opened(database, time, first) as scene:
        await scene.publish(Delay="1h")

    time.advance(7200)
    async with opened(database, time, second):
        await second.sends(1)

    assert first.sent == []
