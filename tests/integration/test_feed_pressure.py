"""Slow readers, too many readers, a server that stops: nobody else notices."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from projections.reads import EVERYTHING
from service.feed.client import Subscription
from service.feed.hub import Hub
from service.feed.limits import FeedLimits
from tests.feed_reader import Event, events
from tests.integration.feed_app import (
    QUICK,
    FeedWorld,
    feed_world,
    progress,
    registered,
    started,
    until,
)

pytestmark = pytest.mark.anyio

# States so large that some hundred of them fill every buffer on the way.
LONG_NAME = "n" * 60_000
CHANGES = 250


def limits(**others: float) -> FeedLimits:
    return FeedLimits(tick=QUICK.tick, drain=QUICK.drain, **others)  # type: ignore[arg-type] # each name has its own type


@asynccontextmanager
async def reader(
    world: FeedWorld, path: str, *, small: bool = False
) -> AsyncIterator[httpx.Response]:
    """A connection that reads when it is asked to; a small one has little room in its kernel."""
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)] if small else []
    transport = httpx.AsyncHTTPTransport(socket_options=options)
    async with (
        httpx.AsyncClient(transport=transport, base_url=world.url, timeout=30) as client,
        client.stream("GET", path) as response,
    ):
        yield response


async def upto(stream: AsyncIterator[Event], position: int) -> list[int]:
    """The positions of all states until this one."""
    positions: list[int] = []
    while not positions or positions[-1] < position:
        event = await anext(stream)
        if event.name == "status":
            positions.append(event.position)
    return positions


async def changes(world: FeedWorld, count: int) -> int:
    position = 0
    for number in range(count):
        position = await world.happened(progress("a", number % 100, total=100))
    return position


async def test_a_reader_that_stalls_delays_nobody_and_misses_no_end(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, asyncio.timeout(60):
        await world.happened(registered("a", name=LONG_NAME), started("a"))
        async with (
            reader(world, "/v1/feed/documents/a", small=True) as stalled,
            reader(world, "/v1/feed/all") as quick,
        ):
            told_quickly = asyncio.create_task(upto(events(quick), CHANGES + 2))
            last = await changes(world, CHANGES)
            await told_quickly

            told_late = await upto(events(stalled), last)

        assert told_late == sorted(set(told_late))
        # Most of what it was too slow for was outdated before it could be written.
        assert len(told_late) < CHANGES


async def test_a_reader_that_never_reads_again_is_let_go(tmp_path: Path) -> None:
    impatient = limits(beat=0.15, slow=0.3)
    async with feed_world(tmp_path, limits=impatient) as world, asyncio.timeout(60):
        await world.happened(registered("a", name=LONG_NAME), started("a"))
        async with reader(world, "/v1/feed/documents/a", small=True):
            await until(lambda: world.hub.streams == 1)

            while world.hub.streams:
                await changes(world, 1)


async def test_a_slow_reader_of_everything_is_caught_up_from_the_tables(tmp_path: Path) -> None:
    small_memory = limits(waiting=3)
    async with feed_world(tmp_path, limits=small_memory) as world, asyncio.timeout(60):
        await world.happened(registered("a", name=LONG_NAME), started("a"))
        async with reader(world, "/v1/feed/all", small=True) as stalled:
            await changes(world, CHANGES)
            for number in range(20):
                last = await world.happened(registered(f"d{number}"))

            told = await upto(events(stalled), last)

        assert told == sorted(set(told))
        assert told[-20:] == list(range(last - 19, last + 1))


async def test_an_event_source_over_the_limit_is_asked_to_come_back(tmp_path: Path) -> None:
    async with feed_world(tmp_path, limits=limits(streams=1)) as world, world.client() as client:
        async with reader(world, "/v1/feed/all") as first:
            stream = events(first)
            await anext(stream)

            refused = await client.get("/v1/feed/all")
            kit = await client.get("/v1/feed/all", headers={"Feed-Client": "test/1"})

        # Anything but a 200 would end an EventSource for ever.
        assert refused.status_code == 200
        assert refused.text.startswith('event: busy\ndata: {"reason":"client_limit"}\nretry: ')
        assert kit.status_code == 429
        assert 15 <= int(kit.headers["Retry-After"]) <= 45


async def test_draining_says_goodbye_to_everybody_and_lets_nobody_in(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client, asyncio.timeout(20):
        async with reader(world, "/v1/feed/all") as one, reader(world, "/v1/feed?doc=a") as other:
            streams = [events(one), events(other)]
            for stream in streams:
                assert [(await anext(stream)).name for _ in range(2)] == ["hello", "snapshot"]

            await world.hub.drain()

            for stream in streams:
                [bye] = [event async for event in stream]
                assert (bye.name, bye.data) == ("bye", {"reason": "restart"})
                assert bye.retry is not None and 500 <= bye.retry <= 4500
        assert world.hub.streams == 0
        assert "event: busy" in (await client.get("/v1/feed/all")).text


async def test_draining_does_not_wait_for_a_reader_that_is_stuck(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, asyncio.timeout(60):
        await world.happened(registered("a", name=LONG_NAME), started("a"))
        async with reader(world, "/v1/feed/documents/a", small=True):
            await changes(world, CHANGES)

            await world.hub.drain()

            await until(lambda: world.hub.streams == 0)


async def test_one_client_s_broken_connection_ends_no_other(tmp_path: Path) -> None:
    async with (
        feed_world(tmp_path) as world,
        asyncio.timeout(20),
        reader(world, "/v1/feed/all") as sound,
    ):
        stream = events(sound)
        assert [(await anext(stream)).name for _ in range(2)] == ["hello", "snapshot"]
        begun = asyncio.Event()
        broken = asyncio.create_task(_attend_and_break(world.hub, begun))
        await begun.wait()

        await world.happened(registered("a"))

        assert (await anext(stream)).data["id"] == "a"
        await broken


async def _attend_and_break(hub: Hub, begun: asyncio.Event) -> None:
    async def write(data: bytes, _more: bool) -> None:
        if b"event: status" in data:
            raise OSError("the connection is gone")
        begun.set()

    async def never() -> None:
        await asyncio.Event().wait()

    everything = Subscription(
        selection=EVERYTHING, cursor=None, until_done=False, address="192.0.2.1"
    )
    await hub.attend(everything, write, never)
