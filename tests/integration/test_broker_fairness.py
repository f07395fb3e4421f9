"""A destination that is slow, dead or far behind delays nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.app import Limits
from service.broker.flow import FlowControl
from tests.broker_scene import Scene, opened, paths
from tests.brokers import FakeTime, Network, migrated

pytestmark = pytest.mark.anyio


class Swamp(Network):
    """Destinations named `dead...` never answer."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__(time)
        self.for_ever = asyncio.Event()
        self.stuck: dict[str, int] = {}

    async def send(self, **request: object) -> object:  # type: ignore[override] # passed on
        host = str(request["url"]).split("/")[2]
        if host.startswith("dead"):
            self.stuck[host] = self.stuck.get(host, 0) + 1
            await self.for_ever.wait()
        return await super().send(**request)  # type: ignore[arg-type] # passed on as it came


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    time = FakeTime()
    limits = Limits(concurrency=32, destination=8, shutdown=0.1)
    async with opened(migrated(tmp_path), time=time, network=Swamp(time), limits=limits) as scene:
        yield scene


FINE = [str(number) for number in range(50)]


@pytest.mark.parametrize("dead", [1, 6])
async def test_dead_destinations_with_a_backlog_do_not_delay_a_new_message(
    scene: Scene, dead: int
) -> None:
    for number in range(dead):
        await scene.publish(*["x"] * 600, host=f"dead{number}.example")

    await scene.publish(*FINE, host="fine.example")

    await scene.settled(50)
    assert sorted(paths(scene.network.sent)) == sorted(FINE)
    assert isinstance(scene.network, Swamp)
    assert all(count <= 8 for count in scene.network.stuck.values())


async def test_messages_that_become_due_behind_a_backlog_are_not_delayed(scene: Scene) -> None:
    await scene.publish(*["x"] * 1500, host="dead.example", delay=10)
    await scene.publish(*FINE, host="fine.example", delay=11)

    await scene.time.pass_by(11)

    await scene.settled(50)


async def test_a_key_for_a_dead_destination_does_not_delay_others(scene: Scene) -> None:
    flow = FlowControl(key="k", parallelism=5000)
    await scene.publish(*["x"] * 1000, host="dead.example", flow=flow)

    await scene.publish(*FINE, host="fine.example")
    await scene.publish(*FINE, host="fine.example", flow=FlowControl(key="other", parallelism=2))
    await scene.publish(*FINE, host="fine.example", queue="q")

    await scene.settled(150)


async def test_a_backlog_goes_out_in_order_when_its_destination_is_back(scene: Scene) -> None:
    numbers = [str(number) for number in range(700)]
    await scene.publish(*numbers, host="dead.example")
    assert isinstance(scene.network, Swamp)

    scene.network.for_ever.set()

    await scene.network.sends(700)
    assert len(set(paths(scene.network.sent))) == 700
    # As many at once as one destination may have, so by and large in order.
    assert paths(scene.network.sent)[-1] in numbers[-50:]


async def test_the_rest_of_a_backlog_is_left_to_the_next_start(tmp_path: Path) -> None:
    database, time = migrated(tmp_path), FakeTime()
    limits = Limits(concurrency=32, destination=8, shutdown=0.1)
    async with opened(database, time=time, network=Swamp(time), limits=limits) as scene:
        await scene.publish(*map(str, range(300)), host="dead.example")

    async with opened(database, limits=limits) as scene:
        await scene.network.sends(300)
        await scene.quiet()
        assert sorted(map(int, paths(scene.network.sent))) == list(range(300))
