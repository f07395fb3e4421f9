"""Several engines on one file: nothing is sent twice at once, nothing stays with a dead one."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.broker.flow import FlowControl
from service.broker.leases import Lease
from service.broker.outcome import Answer
from service.broker.pulse import BEAT, PATIENCE, Vigil
from tests.broker_scene import Scene, opened, paths
from tests.brokers import FakeTime, Network, migrated

pytestmark = pytest.mark.anyio

NUMBERS = [str(number) for number in range(120)]


@asynccontextmanager
async def two(database: Path) -> AsyncIterator[tuple[Scene, Scene]]:
    """Two brokers on one file, with one clock and one network."""
    time = FakeTime()
    network = Network(time)
    async with (
        opened(database, time=time, network=network) as one,
        opened(database, time=time, network=network) as other,
    ):
        time.sleepers = 8
        yield one, other
        time.sleepers = 4


def changed(database: Path, statement: str) -> int:
    with sqlite3.connect(database, timeout=20) as connection:
        count = connection.execute(statement).rowcount
    connection.close()
    return count


async def test_what_is_due_for_both_is_sent_by_one(tmp_path: Path) -> None:
    async with two(migrated(tmp_path)) as (one, other):
        for scene, part in ((one, NUMBERS[:60]), (other, NUMBERS[60:])):
            await scene.publish(*part, delay=10)
        await one.time.pass_by(10)

        await one.settled(120)
        await one.quiet()

        assert Counter(paths(one.network.sent)) == Counter(NUMBERS)


async def test_limits_of_a_key_hold_for_both_together(tmp_path: Path) -> None:
    async with two(migrated(tmp_path)) as (one, other):
        flow = FlowControl(key="k", rate=7, period=60)
        await asyncio.gather(
            one.publish(*NUMBERS[:20], flow=flow), other.publish(*NUMBERS[20:40], flow=flow)
        )

        for count in (7, 14, 21):
            await one.settled(count)
            await one.quiet()
            assert len(one.network.sent) == count
            await one.time.pass_by(60)


async def test_a_queue_keeps_its_order_with_both(tmp_path: Path) -> None:
    async with two(migrated(tmp_path)) as (one, other):
        for number in NUMBERS[:20]:
            await (one if int(number) % 2 else other).publish(number, queue="q")

        await one.settled(20)

        assert paths(one.network.sent) == NUMBERS[:20]
        assert one.network.most_under_way == 1


async def test_an_engine_that_starts_leaves_alone_what_a_living_one_has(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    async with opened(database) as scene:
        scene.network.gate = asyncio.Event()
        await scene.publish("1")
        await scene.network.sends(1)
        async with opened(database) as late:
            for _ in range(PATIENCE + 2):
                await late.time.pass_by(BEAT)
                await scene.time.pass_by(BEAT)
            assert late.network.sent == []
        scene.network.gate.set()
        await scene.settled(1)


async def test_what_a_dead_engine_had_is_taken_over_when_its_lease_has_ended(
    tmp_path: Path,
) -> None:
    database = migrated(tmp_path)
    async with opened(database) as scene:
        plain, _, _ = [
            *await scene.publish("plain", delay=3600),
            *await scene.publish("first", queue="q", delay=3600),
            *await scene.publish("second", queue="q"),
        ]
        await scene.quiet()
        dead = "UPDATE messages SET place = 'claimed', holder = 'dead', lease = 4, due_at = 0"
        assert changed(database, f"{dead} WHERE place = 'waiting'") == 2

        for _ in range(PATIENCE):
            await scene.time.pass_by(BEAT)
        assert scene.network.sent == []
        await scene.time.pass_by(BEAT)

        await scene.settled(3)
        assert sorted(paths(scene.network.sent)) == ["first", "plain", "second"]
        assert paths(scene.network.sent)[-1] == "second"
        assert (await scene.states(plain))[-1] == "DELIVERED"


async def test_what_was_cancelled_in_the_hands_of_a_dead_engine_is_not_sent(
    tmp_path: Path,
) -> None:
    database = migrated(tmp_path)
    async with opened(database) as scene:
        (message_id,) = await scene.publish("1", delay=3600)
        changed(database, "UPDATE messages SET place = 'claimed', holder = 'dead', lease = 4")
        await scene.broker.cancel(message_id)

        await scene.time.pass_by(BEAT)
        for _ in range(PATIENCE):
            await scene.time.pass_by(BEAT)

        assert (await scene.states(message_id))[-2:] == ["CANCEL_REQUESTED", "CANCELED"]
        assert scene.network.sent == []


async def test_an_engine_that_lost_a_message_neither_sends_nor_records_it(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    async with opened(database) as scene:
        scene.network.gate = asyncio.Event()
        ids = await scene.publish(*NUMBERS[:12])
        # A destination has eight attempts at once here; the others wait in line.
        await scene.network.sends(8)
        assert changed(database, "UPDATE messages SET holder = 'other' WHERE finished_at IS NULL")

        await scene.time.pass_by(BEAT)
        scene.network.gate.set()
        await scene.quiet()

        assert len(scene.network.sent) == 8
        states = [await scene.states(message_id) for message_id in ids]
        assert states == [["CREATED"]] * 12


def test_a_lease_ends_when_it_was_seen_to_stand_still() -> None:
    vigil = Vigil()
    still = Lease(sequence=1, holder="a", number=1)

    for number in range(PATIENCE):
        moving = Lease(sequence=2, holder="b", number=number)
        assert vigil.ended([still, moving]) == frozenset()

    assert vigil.ended([still]) == {still}
    assert vigil.ended([]) == frozenset()
    assert vigil.ended([still]) == frozenset()


async def test_dead_letters_of_the_same_millisecond_each_have_their_own_id(tmp_path: Path) -> None:
    async with two(migrated(tmp_path)) as (one, other):
        one.network.answers = lambda _: Answer(status=500)
        await one.publish(*NUMBERS[:5], retries=0)
        await other.publish(*NUMBERS[5:10], retries=0)

        await one.settled(10)

        letters = (await one.http.get("/v2/dlq")).json()["messages"]
        assert len({letter["dlqId"] for letter in letters}) == 10
