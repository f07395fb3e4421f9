"""A broker that stops: who is waited for, how long, and what the next start finds."""

import asyncio
from pathlib import Path

import pytest

from service.broker.app import Limits
from tests.broker_scene import opened, paths
from tests.brokers import FakeTime, Network, Sent, migrated

pytestmark = pytest.mark.anyio

PATIENT = Limits(concurrency=8, shutdown=60.0)
HASTY = Limits(concurrency=8, shutdown=0.2)


class Slow(Network):
    """Answers each destination when the test says so."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__(time)
        self.may_answer = {path: asyncio.Event() for path in ("soon", "never")}

    async def send(self, **request: object) -> object:  # type: ignore[override] # passed on as it is
        answer = await super().send(**request)  # type: ignore[arg-type] # passed on as it is
        await self.may_answer[str(request["url"]).rsplit("/", 1)[-1]].wait()
        return answer


async def test_a_stop_waits_for_the_attempts_under_way(tmp_path: Path) -> None:
    database, time = migrated(tmp_path), FakeTime()
    network = Slow(time)
    async with asyncio.timeout(PATIENT.shutdown / 2):
        async with opened(database, time=time, network=network, limits=PATIENT) as scene:
            (message_id,) = await scene.publish("soon")
            await network.sends(1)
            # The stop has begun by then; it ends as soon as this is written down.
            asyncio.get_running_loop().call_later(0.2, network.may_answer["soon"].set)

    async with opened(database, time=time) as scene:
        await scene.quiet()
        assert await scene.states(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
        assert scene.network.sent == []


async def test_what_is_not_answered_within_the_limit_is_left_to_the_next_start(
    tmp_path: Path,
) -> None:
    database, time = migrated(tmp_path), FakeTime()
    network = Slow(time)
    async with asyncio.timeout(HASTY.shutdown + 10):
        async with opened(database, time=time, network=network, limits=HASTY) as scene:
            soon, never = await scene.publish("soon", "never")
            await network.sends(2)
            asyncio.get_running_loop().call_later(0.05, network.may_answer["soon"].set)

    async with opened(database, time=time) as scene:
        await scene.network.sends(1)
        await scene.quiet()
        assert paths(scene.network.sent) == ["never"]
        assert attempts(scene.network.sent) == ["0"]
        for message_id in (soon, never):
            assert (await scene.states(message_id))[-1] == "DELIVERED"


def attempts(sent: list[Sent]) -> list[str]:
    return [one.headers["Upstash-Retried"] for one in sent]
