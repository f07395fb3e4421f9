"""A stream over a real server: snapshot, then live, on one cursor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.feed.limits import FeedLimits
from tests.feed_reader import Event, events
from tests.integration.feed_app import (
    QUICK,
    FeedWorld,
    cancelled,
    feed_world,
    progress,
    registered,
    requeued,
    started,
    succeeded,
    until,
)

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def followed(
    world: FeedWorld, path: str, *, cursor: str | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"Last-Event-ID": cursor} if cursor else {}
    async with (
        world.client() as client,
        client.stream("GET", path, headers=headers) as response,
        asyncio.timeout(20),
    ):
        assert response.status_code == 200
        yield events(response)


async def heard(stream: AsyncIterator[Event], name: str) -> Event:
    """The next event of this name."""
    async for event in stream:
        if event.name == name:
            return event
    raise AssertionError(f"the stream ended without {name}")


async def test_a_stream_begins_with_hello_and_a_snapshot(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        await world.happened(registered("a"), started("a"))

        async with followed(world, "/v1/feed?doc=a&doc=b") as stream:
            hello, snapshot = await anext(stream), await anext(stream)

        assert hello.name == "hello"
        assert (hello.data["v"], hello.data["epoch"], hello.id) == (1, "k3f9", None)
        states = {state["id"]: state["status"] for state in snapshot.data["docs"]}
        assert states == {"a": "processing", "b": "unknown"}
        assert snapshot.position == 2


async def test_what_happens_afterwards_comes_as_it_happens(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        async with followed(world, "/v1/feed/documents/a") as stream:
            await heard(stream, "snapshot")

            await world.happened(registered("a"))
            first = await heard(stream, "status")
            await world.happened(started("a"), progress("a", 3))
            second = await heard(stream, "status")

        assert (first.data["status"], first.position) == ("received", 1)
        assert (second.data["status"], second.data["pages_done"]) == ("processing", 3)
        assert second.position == 3


async def test_a_stream_of_everything_or_of_an_owner_hears_of_new_documents(
    tmp_path: Path,
) -> None:
    async with (
        feed_world(tmp_path) as world,
        followed(world, "/v1/feed/all") as everything,
        followed(world, "/v1/feed/users/bob") as of_bob,
    ):
        await heard(everything, "snapshot")
        await heard(of_bob, "snapshot")

        await world.happened(registered("a", owner="ann"))
        first = await heard(everything, "status")
        await world.happened(registered("b", owner="bob"))

        assert first.data["id"] == "a"
        assert (await heard(everything, "status")).data["id"] == "b"
        assert (await heard(of_bob, "status")).data["id"] == "b"


async def test_a_cursor_brings_what_was_missed_and_no_snapshot(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        await world.happened(registered("a"))
        await world.happened(registered("b"))
        async with followed(world, "/v1/feed?doc=a&doc=b") as stream:
            cursor = (await heard(stream, "snapshot")).id
        await world.happened(started("a"), succeeded("a"))

        async with followed(world, "/v1/feed?doc=a&doc=b", cursor=cursor) as stream:
            hello, missed, beat = [await anext(stream) for _ in range(3)]

        assert [hello.name, missed.name, beat.name] == ["hello", "status", "beat"]
        assert (missed.data["id"], missed.data["status"]) == ("a", "succeeded")
        assert beat.position == missed.position == 4


async def test_the_header_wins_over_the_query(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        await world.happened(registered("a"))
        cursor = await world.hub.cursor_at(1)

        async with followed(world, "/v1/feed/all?last_event_id=nonsense", cursor=cursor) as stream:
            assert [(await anext(stream)).name for _ in range(2)] == ["hello", "beat"]


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        ("nonsense", "malformed"),
        ("other-1-000000", "epoch"),
        ("k3f9-1-000000", "diverged"),
        ("k3f9-9-000000", "ahead"),
    ],
)
async def test_a_cursor_that_is_not_of_this_log_is_said_to_be_wrong(
    tmp_path: Path, cursor: str, reason: str
) -> None:
    limits = FeedLimits(tick=QUICK.tick, drain=QUICK.drain, patience=0)
    async with feed_world(tmp_path, limits=limits) as world:
        await world.happened(registered("a"))

        async with followed(world, "/v1/feed/documents/a", cursor=cursor) as stream:
            hello, reset, snapshot = [await anext(stream) for _ in range(3)]

        assert [hello.name, reset.name, snapshot.name] == ["hello", "reset", "snapshot"]
        assert reset.data == {"reason": reason, "have": cursor}


async def test_a_cursor_that_is_a_moment_ahead_is_waited_for(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, feed_world(tmp_path / "..") as other:
        for one in (world, other):
            await one.happened(registered("a"))
        cursor = str(await other.hub.cursor_at(await other.happened(started("a"))))
        task = asyncio.create_task(_first_two(world, cursor))

        await world.happened(started("a"))

        assert await task == ["hello", "beat"]


async def _first_two(world: FeedWorld, cursor: str) -> list[str]:
    async with followed(world, "/v1/feed/documents/a", cursor=cursor) as stream:
        return [(await anext(stream)).name for _ in range(2)]


async def test_one_who_is_too_far_behind_begins_anew_with_the_newest(tmp_path: Path) -> None:
    limits = FeedLimits(tick=QUICK.tick, drain=QUICK.drain, replay=2)
    async with feed_world(tmp_path, limits=limits) as world:
        cursor = await world.hub.cursor_at(0)
        for document_id in "abc":
            await world.happened(registered(document_id))

        async with followed(world, "/v1/feed/all", cursor=cursor) as stream:
            reset, snapshot = await heard(stream, "reset"), await heard(stream, "snapshot")

        assert reset.data["reason"] == "too_far"
        assert snapshot.data["more"] is True
        assert [state["id"] for state in snapshot.data["docs"]] == ["b", "c"]


async def test_until_done_ends_with_the_last_final_state(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        await world.happened(registered("a"))
        async with followed(world, "/v1/feed?doc=a&doc=b&until=done") as stream:
            await heard(stream, "snapshot")

            await world.happened(cancelled("a"))
            await world.happened(registered("b"), started("b"), succeeded("b"))
            told = [event async for event in stream]

        assert [event.name for event in told][-1] == "end"
        assert told[-1].position == 5


async def test_one_who_knows_the_end_is_told_that_there_is_nothing_left(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        position = await world.happened(registered("a"), started("a"), succeeded("a"))
        cursor = await world.hub.cursor_at(position)
        path = "/v1/feed/documents/a?until=done"

        known = await client.get(path, headers={"Last-Event-ID": cursor})
        await world.happened(requeued("a"))
        again = client.stream("GET", path, headers={"Last-Event-ID": cursor})

        assert known.status_code == 204
        async with again as response:
            assert response.status_code == 200
            assert (await heard(events(response), "status")).data["status"] == "received"


async def test_until_done_of_what_is_final_already_ends_at_once(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        await world.happened(registered("a"), cancelled("a"))

        whole = await client.get("/v1/feed/documents/a?until=done")

        assert [line for line in whole.text.splitlines() if line.startswith("event")] == [
            "event: hello",
            "event: snapshot",
            "event: end",
        ]


async def test_a_silent_stream_gets_beats_that_carry_its_cursor(tmp_path: Path) -> None:
    limits = FeedLimits(tick=QUICK.tick, drain=QUICK.drain, beat=0.15)
    async with feed_world(tmp_path, limits=limits) as world:
        async with followed(world, "/v1/feed/documents/a") as stream:
            await heard(stream, "snapshot")
            await world.happened(registered("of-somebody-else"))

            first = await heard(stream, "beat")
            while first.position < 1:
                first = await heard(stream, "beat")

        assert first.position == 1
        assert set(first.data) == {"t"}


async def test_an_old_stream_is_ended_with_a_goodbye(tmp_path: Path) -> None:
    limits = FeedLimits(tick=QUICK.tick, drain=QUICK.drain, beat=0.15, max_age=0.01)
    async with feed_world(tmp_path, limits=limits) as world:
        async with followed(world, "/v1/feed/all") as stream:
            told = [event async for event in stream]

        assert told[-1].name == "bye"
        assert told[-1].data == {"reason": "age"}
        assert told[-1].retry is not None


async def test_the_headers_keep_everybody_from_holding_the_stream_back(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        async with client.stream("GET", "/v1/feed/all") as response:
            headers = response.headers

        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["x-accel-buffering"] == "no"
        assert "no-transform" in headers["cache-control"]
        assert "content-encoding" not in headers


async def test_one_who_left_is_forgotten(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world:
        async with followed(world, "/v1/feed/all") as stream:
            await heard(stream, "snapshot")
            open_then = world.hub.streams

        await until(lambda: world.hub.streams == 0)

        assert open_then == 1
