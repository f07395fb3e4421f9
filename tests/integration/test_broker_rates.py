"""Flow control: how many attempts of a key start in a period, and run at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.flow import FlowControl
from service.broker.outcome import Answer
from tests.broker_scene import Scene, opened, paths
from tests.brokers import FakeTime, Network, becomes_true, migrated

pytestmark = pytest.mark.anyio

NUMBERS = [str(number) for number in range(100)]
FIVE_A_MINUTE = FlowControl(key="k", rate=5, period=60)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(migrated(tmp_path)) as scene:
        yield scene


async def test_a_period_has_no_more_attempts_than_its_rate(scene: Scene) -> None:
    began = scene.time.now
    await scene.publish(*NUMBERS[:23], flow=FIVE_A_MINUTE)

    for count in (5, 10, 15, 20, 23):
        await scene.settled(count)
        await scene.quiet()
        assert len(scene.network.sent) == count
        await scene.time.pass_by(59.999)
        assert len(scene.network.sent) == count
        await scene.time.pass_by(0.001)

    minutes = Counter((sent.at - began) // 60_000_000 for sent in scene.network.sent)
    assert minutes == {0: 5, 1: 5, 2: 5, 3: 5, 4: 3}
    assert paths(scene.network.sent) == NUMBERS[:23]


async def test_retries_count_as_attempts(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    await scene.publish(*NUMBERS[:3], flow=FIVE_A_MINUTE)

    await scene.settled(3)
    await scene.time.pass_by(12)
    await scene.settled(5)
    await scene.quiet()

    assert len(scene.network.sent) == 5
    assert (await scene.broker.controls.flow_key("k")).rate_count == 5
    assert (await scene.broker.controls.flow_key("k")).waiting == 1


async def test_what_waits_for_a_key_is_counted(scene: Scene) -> None:
    scene.network.gate = asyncio.Event()
    await scene.publish(*NUMBERS[:10], flow=FlowControl(key="k", parallelism=3, rate=7, period=10))
    await scene.network.sends(3)
    await scene.quiet()

    state = await scene.broker.controls.flow_key("k")
    assert (state.waiting, state.active, state.rate_count) == (7, 3, 3)
    assert state.period_start == scene.time.now
    assert scene.broker.controls.global_parallelism() == (16, 3)

    scene.network.gate.set()
    await scene.settled(7)
    state = await scene.broker.controls.flow_key("k")
    assert (state.waiting, state.active, state.rate_count) == (3, 0, 7)


async def test_both_limits_hold_at_once(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:20], flow=FlowControl(key="k", parallelism=2, rate=8, period=60))

    await scene.settled(8)
    await scene.quiet()
    assert len(scene.network.sent) == 8
    await scene.time.pass_by(60)
    await scene.settled(16)

    assert scene.network.most_under_way <= 2


async def test_a_paused_key_sends_nothing_while_its_period_runs_on(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:8], flow=FIVE_A_MINUTE)
    await scene.settled(5)
    await scene.broker.controls.pause_key("k", paused=True)

    await scene.time.pass_by(61)
    await scene.quiet()
    assert len(scene.network.sent) == 5
    await scene.broker.controls.pause_key("k", paused=False)

    await scene.settled(8)


async def test_a_key_may_be_paused_before_its_first_message(scene: Scene) -> None:
    await scene.broker.controls.pause_key("k", paused=True)
    await scene.publish("1", flow=FlowControl(key="k", parallelism=1))
    await scene.publish("2")

    await scene.settled(1)
    await scene.quiet()

    assert paths(scene.network.sent) == ["2"]
    state = await scene.broker.controls.flow_key("k")
    assert (state.paused, state.waiting, state.parallelism) == (True, 1, 1)


async def test_a_pin_is_in_force_at_once_and_begins_a_period(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:20], flow=FIVE_A_MINUTE)
    await scene.settled(5)

    await scene.broker.controls.pin_key("k", rate=8)
    await scene.settled(13)
    await scene.quiet()

    assert len(scene.network.sent) == 13
    assert (await scene.broker.controls.flow_key("k")).rate_count == 8


async def test_a_reset_lets_a_full_period_go_at_once(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:20], flow=FIVE_A_MINUTE)
    await scene.settled(5)
    await scene.time.pass_by(10)

    await scene.broker.controls.reset_rate("k")
    await scene.settled(10)
    await scene.time.pass_by(59)
    assert len(scene.network.sent) == 10
    await scene.time.pass_by(1)

    await scene.settled(15)


async def test_a_rate_survives_a_restart(tmp_path: Path) -> None:
    database, time = migrated(tmp_path), FakeTime()
    async with opened(database, time=time) as scene:
        await scene.publish(*NUMBERS[:12], flow=FIVE_A_MINUTE)
        await scene.settled(5)

    time.advance(30)
    async with opened(database, time=time) as scene:
        await scene.quiet()
        assert scene.network.sent == []
        await time.pass_by(30)
        await scene.network.sends(5)
        await scene.quiet()
        assert len(scene.network.sent) == 5


async def test_a_clock_that_was_set_back_does_not_stop_a_key(scene: Scene) -> None:
    await scene.publish(*NUMBERS[:10], flow=FIVE_A_MINUTE)
    await scene.settled(5)

    scene.time.set_clock(ahead=-86_400)
    await scene.time.pass_by(5)

    await scene.settled(10)


async def test_a_message_that_found_no_attempt_in_its_period_counts_for_the_next(
    tmp_path: Path,
) -> None:
    time = FakeTime()
    network = Network(time)
    busy = asyncio.Event()
    plain = network.send

    async def slow(**request: object) -> object:
        if "slow" in str(request["url"]):
            await busy.wait()
        return await plain(**request)  # type: ignore[arg-type] # passed through as it came

    network.send = slow  # type: ignore[method-assign,assignment] # the same shape
    async with opened(migrated(tmp_path), time=time, network=network) as scene:
        # Every attempt that this destination may have is taken.
        await scene.publish(*["slow"] * 8, host="a.example")
        await scene.publish(*NUMBERS[:10], flow=FlowControl(key="k", rate=2, period=10))
        for _ in range(4):
            await time.pass_by(10)
            await scene.quiet()
        busy.set()
        await scene.network.sends(10)
        await scene.quiet()

        at = Counter(sent.at for sent in network.sent if "slow" not in sent.url)
        assert at == {time.now: 2}


async def test_limits_hold_under_load_of_many_keys(scene: Scene) -> None:
    began = scene.time.now
    for number in range(30):
        flow = FlowControl(key=f"k{number}", rate=1 + number % 3, period=10, parallelism=2)
        await scene.publish(*NUMBERS[:6], flow=flow, host=f"k{number}.example")

    async def all_sent() -> bool:
        await scene.quiet()
        await scene.time.pass_by(10)
        return len(scene.network.sent) == 180

    await becomes_true(all_sent)
    counts = Counter(
        (sent.url.split("/")[2], (sent.at - began) // 10_000_000) for sent in scene.network.sent
    )
    for (host, _), count in counts.items():
        assert count <= 1 + int(host[1 : host.index(".")]) % 3
