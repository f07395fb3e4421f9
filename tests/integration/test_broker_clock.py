"""A clock that does not go on as it should: set forward, set back, or looked at too early."""

import asyncio
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


async def test_a_clock_that_was_set_forward_is_noticed_within_half_a_minute(scene: Scene) -> None:
    await scene.publish(Delay="1d")
    await scene.time.asleep()

    scene.time.set_clock(ahead=86_400)
    await scene.time.pass_by(30)

    await scene.attempted(1)


async def test_after_a_clock_was_set_back_what_waits_keeps_its_time_and_the_rest_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.network.answers = lambda sent: Answer(status=500 if "retry" in sent.url else 200)
    retried = await scene.publish("http://example.com/retry", Retries="1")
    delayed = await scene.publish("http://example.com/delayed", Delay="10s")
    await scene.attempted(1)

    scene.time.set_clock(ahead=-3600)
    await scene.time.pass_by(5)
    assert "the clock was set back; what waits for a time is late by 3600 s" in caplog.messages
    await scene.publish("http://example.com/new")
    await scene.publish("http://example.com/soon", Delay="20s")
    await scene.attempted(2)
    await scene.sends_after(20, 3)

    # An hour late: when the clock shows their time for the second time.
    await scene.time.pass_by(3560)
    assert len(scene.network.sent) == 3
    await scene.time.pass_by(60)
    await scene.attempted(5)

    sent = [sent.url.rsplit("/", 1)[-1] for sent in scene.network.sent]
    assert sent[:3] == ["retry", "new", "soon"]
    assert sorted(sent[3:]) == ["delayed", "retry"]
    assert (await scene.states(delayed))[-1] == "DELIVERED"
    assert (await scene.states(retried))[-1] == "FAILED"


class HastyTime(FakeTime):
    """Goes on a little at every look, and its timers end a little early, as real ones do."""

    def __call__(self) -> int:
        self.now += 300
        return self.now

    async def wait(self, wake: asyncio.Event, seconds: float) -> None:
        if seconds <= 0.001:
            await asyncio.sleep(0)
        else:
            await super().wait(wake, seconds - 0.001)

    async def ring(self) -> None:
        """Lets time pass until the first timer ends."""
        await self.asleep()
        await self.pass_by((min(self._sleepers.values()) - self.now) / 1_000_000)


async def test_a_message_that_becomes_due_between_two_looks_at_the_clock_is_not_overslept(
    tmp_path: Path,
) -> None:
    time = HastyTime()
    network = Network(time)
    async with opened(migrated(tmp_path), time, network) as scene:
        for count in (1, 2, 3):
            published_at = time.now
            await scene.publish(Delay="10s")

            while len(network.sent) < count:
                await time.ring()

            assert network.sent[-1].at - published_at < 10_100_000
