"""The feed without a stream: the same cursors, the same states, one answer at a time."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.feed_app import feed_world, registered, started, until

pytestmark = pytest.mark.anyio


async def test_without_a_cursor_everything_that_was_chosen_is_told(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        await world.happened(registered("a"))

        answer = (await client.get("/v1/feed/poll?doc=a&doc=b")).json()

        assert {state["id"]: state["status"] for state in answer["docs"]} == {
            "a": "received",
            "b": "unknown",
        }
        assert answer["reset"] is None
        assert answer["id"] == await world.hub.cursor_at(1)


async def test_with_a_cursor_only_what_changed_is_told(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        cursor = await world.hub.cursor_at(await world.happened(registered("a")))
        await world.happened(registered("b", owner="bob"))

        everything = await client.get(f"/v1/feed/poll?all=true&last_event_id={cursor}")
        of_bob = await client.get(f"/v1/feed/poll?user=bob&last_event_id={cursor}")

        assert [state["id"] for state in everything.json()["docs"]] == ["b"]
        assert [state["id"] for state in of_bob.json()["docs"]] == ["b"]


async def test_a_long_poll_answers_as_soon_as_something_happens(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client, asyncio.timeout(8):
        cursor = await world.hub.cursor_at(0)
        path = f"/v1/feed/poll?doc=a&wait=30&last_event_id={cursor}"
        asked = asyncio.create_task(client.get(path))
        await until(lambda: world.hub.waiting_polls == 1)

        await world.happened(registered("a"), started("a"))

        answer = (await asked).json()
        assert [state["status"] for state in answer["docs"]] == ["processing"]


async def test_a_long_poll_without_news_answers_with_the_same_cursor(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        cursor = await world.hub.cursor_at(await world.happened(registered("a")))
        path = f"/v1/feed/poll?doc=a&wait=0.05&last_event_id={cursor}"

        quiet = await client.get(path)
        unchanged = await client.get(path, headers={"If-None-Match": quiet.headers["ETag"]})

        assert quiet.json() == {"id": cursor, "reset": None, "docs": [], "more": False}
        assert unchanged.status_code == 304
        assert unchanged.content == b""


async def test_a_wrong_cursor_is_a_reset_with_everything_anew(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        await world.happened(registered("a"))

        answer = (await client.get("/v1/feed/poll?all=true&last_event_id=other-1-000000")).json()

        assert answer["reset"] == "epoch"
        assert [state["id"] for state in answer["docs"]] == ["a"]


async def test_a_cursor_of_a_poll_is_good_for_a_stream(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client:
        await world.happened(registered("a"))
        cursor = (await client.get("/v1/feed/poll?doc=a")).json()["id"]

        headers = {"Last-Event-ID": cursor}
        async with client.stream("GET", "/v1/feed?doc=a", headers=headers) as response:
            first = await anext(response.aiter_text())

        assert first.startswith("event: hello\n")
        assert "event: snapshot" not in first


async def test_a_server_that_stops_lets_long_polls_go(tmp_path: Path) -> None:
    async with feed_world(tmp_path) as world, world.client() as client, asyncio.timeout(8):
        cursor = await world.hub.cursor_at(0)
        path = f"/v1/feed/poll?doc=a&wait=30&last_event_id={cursor}"
        asked = asyncio.create_task(client.get(path))
        await until(lambda: world.hub.waiting_polls == 1)

        await world.hub.drain()

        assert (await asked).json()["docs"] == []
