"""Queues: one after the other, whatever happens to the one in front."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.flow import FlowControl
from service.broker.outcome import Answer
from tests.broker_scene import Scene, opened, paths
from tests.brokers import FakeTime, Network, Sent, becomes_true, migrated

pytestmark = pytest.mark.anyio

NUMBERS = [str(number) for number in range(40)]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(migrated(tmp_path)) as scene:
        yield scene


async def test_a_queue_sends_in_the_order_of_publishing_one_at_a_time(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:20], queue="q")
    for number in NUMBERS[20:]:
        await scene.publish(number, queue="q")

    await scene.settled(40)

    assert paths(scene.network.sent) == NUMBERS
    assert scene.network.most_under_way == 1
    assert (await scene.broker.controls.queue("q")).lag == 0


async def test_the_head_of_a_queue_blocks_it_while_it_is_tried_again(scene: Scene) -> None:
    fails = iter([500, 500, 200, 200, 200])
    scene.network.answers = lambda _: Answer(status=next(fails))
    await scene.publish("first", "second", "third", queue="q")

    await scene.settled(1)
    await scene.quiet()
    assert (await scene.broker.controls.queue("q")).lag == 3
    await scene.time.pass_by(12)
    await scene.settled(2)
    assert paths(scene.network.sent) == ["first", "first"]
    await scene.time.pass_by(148)
    await scene.settled(5)

    assert paths(scene.network.sent) == ["first", "first", "first", "second", "third"]


async def test_a_message_that_failed_for_good_lets_the_next_one_go(scene: Scene) -> None:
    scene.network.answers = lambda sent: Answer(status=500 if "bad" in sent.url else 200)
    bad, _ = await scene.publish("bad", "good", queue="q", retries=0)

    await scene.settled(2)

    assert paths(scene.network.sent) == ["bad", "good"]
    assert (await scene.states(bad))[-1] == "FAILED"


async def test_the_next_message_waits_for_the_callback_of_the_one_before(scene: Scene) -> None:
    fails = iter([200, 500, 200, 200, 200, 200])
    scene.network.answers = lambda _: Answer(status=next(fails))
    await scene.publish("1", "2", queue="q", callback="http://told.example/told")

    await scene.settled(2)
    await scene.quiet()
    assert paths(scene.network.sent) == ["1", "told"]
    await scene.time.pass_by(12)
    await scene.settled(5)

    assert paths(scene.network.sent) == ["1", "told", "told", "2", "told"]


async def test_a_queue_with_parallelism_starts_in_order_and_so_many_at_once(scene: Scene) -> None:
    await scene.broker.controls.put_queue("q", parallelism=3)
    scene.network.gate = asyncio.Event()
    await scene.publish(*NUMBERS, queue="q")

    await scene.network.sends(3)
    await scene.quiet()
    assert scene.network.under_way == 3
    scene.network.gate.set()
    await scene.settled(40)

    assert scene.network.most_under_way == 3
    assert sorted(paths(scene.network.sent)[:3]) == ["0", "1", "2"]


async def test_more_parallelism_takes_effect_at_once(scene: Scene) -> None:
    scene.network.gate = asyncio.Event()
    await scene.publish(*NUMBERS[:5], queue="q")
    await scene.network.sends(1)

    await scene.broker.controls.put_queue("q", parallelism=4)

    await scene.network.sends(4)
    scene.network.gate.set()
    await scene.settled(5)


async def test_a_paused_queue_takes_messages_and_sends_none_until_it_is_resumed(
    scene: Scene,
) -> None:
    await scene.broker.controls.put_queue("q", paused=True)
    await scene.publish("1", "2", queue="q")
    await scene.publish("other")

    await scene.settled(1)
    await scene.quiet()
    assert paths(scene.network.sent) == ["other"]
    assert (await scene.broker.controls.queue("q")).lag == 2

    await scene.broker.controls.pause_queue("q", paused=False)
    await scene.settled(3)
    assert paths(scene.network.sent) == ["other", "1", "2"]


async def test_queues_do_not_wait_for_each_other(scene: Scene) -> None:
    scene.network.answers = lambda sent: Answer(status=500 if "/a1" in sent.url else 200)
    await scene.publish("a1", "a2", queue="a")
    await scene.publish("b1", "b2", queue="b")

    await scene.settled(3)

    assert sorted(paths(scene.network.sent)) == ["a1", "b1", "b2"]


async def test_cancelling_the_head_lets_the_next_one_go(scene: Scene) -> None:
    scene.network.answers = lambda sent: Answer(status=500 if "1" in sent.url else 200)
    first, _, third = await scene.publish("1", "2", "3", queue="q")
    await scene.settled(1)

    await scene.broker.cancel(third)
    await scene.broker.cancel(first)
    await scene.settled(2)
    await scene.quiet()

    assert paths(scene.network.sent) == ["1", "2"]
    assert (await scene.broker.controls.queue("q")).lag == 0


async def test_a_queue_and_a_key_hold_both(scene: Scene) -> None:
    await scene.publish("1", "2", "3", queue="q", flow=FlowControl(key="k", rate=1, period=60))

    await scene.settled(1)
    await scene.quiet()
    assert paths(scene.network.sent) == ["1"]
    await scene.time.pass_by(60)
    await scene.settled(2)
    await scene.time.pass_by(60)
    await scene.settled(3)

    assert paths(scene.network.sent) == ["1", "2", "3"]


async def test_order_survives_a_restart(tmp_path: Path) -> None:
    database, time = migrated(tmp_path), FakeTime()
    async with opened(database, time=time) as scene:
        scene.network.answers = lambda _: Answer(status=500)
        await scene.publish("1", "2", "3", queue="q")
        await scene.settled(1)

    time.advance(12)
    async with opened(database, time=time) as scene:
        await scene.network.sends(3)
        assert paths(scene.network.sent) == ["1", "2", "3"]


async def test_a_deleted_queue_still_sends_what_is_in_it_and_is_gone(scene: Scene) -> None:
    await scene.broker.controls.put_queue("q", paused=True)
    await scene.publish("1", "2", queue="q")

    await scene.broker.controls.delete_queue("q")
    await scene.settled(2)

    assert paths(scene.network.sent) == ["1", "2"]
    assert await scene.broker.controls.queues() == []
    await scene.publish("3", queue="q")
    await scene.settled(3)
    assert (await scene.broker.controls.queue("q")).parallelism == 1


async def test_order_holds_under_random_failures(tmp_path: Path) -> None:
    time = FakeTime()
    network = Network(time)
    async with opened(migrated(tmp_path), time=time, network=network) as scene:
        seen: dict[str, int] = {}

        def answers(sent: Sent) -> Answer:
            seen[sent.url] = seen.get(sent.url, 0) + 1
            stubborn = hash(sent.url) % 3
            return Answer(status=200 if seen[sent.url] > stubborn else 503)

        network.answers = answers
        await scene.publish(*NUMBERS, queue="q", retries=5)

        async def drained() -> bool:
            await time.pass_by(2000)
            await scene.quiet()
            return (await scene.broker.controls.queue("q")).lag == 0

        await becomes_true(drained)
        firsts = list(dict.fromkeys(paths(network.sent)))
        assert firsts == NUMBERS
        assert network.most_under_way == 1
