"""How many messages are in each state, and which: what the broker's page lists."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.flow import FlowControl
from tests.broker_scene import Scene, opened
from tests.brokers import READ_ONLY_TOKEN, migrated
from tests.contract.looking import by_path, look

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(migrated(tmp_path)) as scene:
        yield scene


async def ids(scene: Scene, **query: str | int) -> list[str]:
    return [one["messageId"] for one in (await look(scene, "messages", **query))["messages"]]


async def test_every_message_is_counted_and_listed_in_the_state_it_is_in(scene: Scene) -> None:
    scene.network.answers = by_path
    [done] = await scene.publish("ok")
    [failed] = await scene.publish("bad")
    [retrying] = await scene.publish("later")
    await scene.settled(3)
    [late] = await scene.publish("late", delay=60)
    await scene.broker.controls.put_queue("q", paused=True)
    [queued] = await scene.publish("queued", queue="q")
    await scene.broker.controls.pause_key("k", paused=True)
    [parked] = await scene.publish("parked", flow=FlowControl(key="k", parallelism=1))
    [gone] = await scene.publish("gone", delay=60)
    await scene.broker.cancel(gone)
    scene.network.gate = asyncio.Event()
    [active] = await scene.publish("ok")
    await scene.network.sends(4)

    overview = await look(scene, "overview")
    listed = {
        state: set(await ids(scene, state=state))
        for state in ("waiting", "active", "retrying", "delivered", "failed", "cancelled")
    }

    assert overview["counts"] == {"waiting": 3, "active": 1, "retrying": 1, "deadLetters": 1}
    assert overview["lastHour"] == {"delivered": 1, "failed": 1, "cancelled": 1}
    assert overview["atLeast"] == []
    assert (
        overview["newestDlqId"] == (await scene.http.get("/v2/dlq")).json()["messages"][0]["dlqId"]
    )
    assert listed == {
        "waiting": {late, queued, parked},
        "active": {active},
        "retrying": {retrying},
        "delivered": {done},
        "failed": {failed},
        "cancelled": {gone},
    }
    everything = (await look(scene, "messages"))["messages"]
    assert [one["messageId"] for one in everything] == [
        active,
        gone,
        parked,
        queued,
        late,
        retrying,
        failed,
        done,
    ]
    waits = {one["messageId"]: one.get("waitsFor") for one in everything}
    assert (waits[late], waits[queued], waits[parked]) == ("time", "queue", "flowControl")
    scene.network.gate.set()


async def test_a_list_says_what_went_wrong(scene: Scene) -> None:
    scene.network.answers = by_path
    await scene.publish("bad", "later")
    await scene.settled(2)

    listed = (await look(scene, "messages"))["messages"]

    assert {one["url"]: one["error"] for one in listed} == {
        "http://a.example/bad": "the destination answered 489",
        "http://a.example/later": "the destination answered 500",
    }


@pytest.mark.parametrize("state", [None, "waiting", "delivered"])
async def test_pages_hold_every_message_once(scene: Scene, state: str | None) -> None:
    delay = 60 if state == "waiting" else 0
    published = await scene.publish(*(str(n) for n in range(7)), delay=delay)
    if not delay:
        await scene.settled(7)
    query: dict[str, str | int] = {"count": 3, **({"state": state} if state else {})}

    pages = [await look(scene, "messages", **query)]
    while "cursor" in pages[-1]:
        pages.append(await look(scene, "messages", **query, cursor=pages[-1]["cursor"]))

    found = [one["messageId"] for page in pages for one in page["messages"]]
    assert [len(page["messages"]) for page in pages] == [3, 3, 1]
    assert sorted(found) == sorted(published)


async def test_what_comes_next_stands_first(scene: Scene) -> None:
    [third] = await scene.publish("c", delay=30)
    [first] = await scene.publish("a", delay=10)
    [second] = await scene.publish("b", delay=20)

    assert await ids(scene, state="waiting") == [first, second, third]


async def test_a_list_takes_the_filters_of_qstash(scene: Scene) -> None:
    [queued] = await scene.publish("x", queue="q", delay=60)
    [limited] = await scene.publish("x", flow=FlowControl(key="k", rate=1), delay=60)
    [elsewhere] = await scene.publish("y", host="b.example", delay=60)

    assert await ids(scene, queueName="q") == [queued]
    assert await ids(scene, flowControlKey="k", state="waiting") == [limited]
    assert await ids(scene, host="b.example") == [elsewhere]
    assert await ids(scene, url="http://a.example/x,http://b.example/y", queueName="q") == [queued]
    assert await ids(scene, label="none") == []


async def test_a_page_that_found_too_little_says_where_to_go_on(scene: Scene) -> None:
    [oldest] = await scene.publish("x", queue="q", delay=60)
    await scene.publish(*(str(n) for n in range(1_050)), delay=60)

    first = await look(scene, "messages", queueName="q")
    second = await look(scene, "messages", queueName="q", cursor=first["cursor"])

    assert first["messages"] == []
    assert [one["messageId"] for one in second["messages"]] == [oldest]
    assert "cursor" not in second


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"state": "lost"}, "'lost' is none of waiting"),
        ({"cursor": "17"}, "cursor"),
        ({"count": "201"}, "count"),
        ({"messageIds": "a"}, "messageIds"),
        ({"colour": "red"}, "colour"),
        ({f"p{n}": "x" for n in range(101)}, "more than 100"),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(
    scene: Scene, query: dict[str, str], named: str
) -> None:
    refused = await scene.http.get("/waybill/v1/messages", params=query)

    assert refused.status_code == 400
    assert named in refused.json()["error"]


async def test_nobody_looks_without_a_token_and_the_reading_one_is_told_that_it_only_reads(
    scene: Scene,
) -> None:
    reading = {"Authorization": f"Bearer {READ_ONLY_TOKEN}"}
    [message] = await scene.publish("x", delay=60)

    for path in ("overview", "messages", f"messages/{message}"):
        nobody = await scene.http.get(f"/waybill/v1/{path}", headers={"Authorization": "Bearer x"})
        reader = await scene.http.get(f"/waybill/v1/{path}", headers=reading)
        assert (nobody.status_code, reader.status_code) == (401, 200)

    told = await scene.http.get("/waybill/v1/overview", headers=reading)
    assert told.json()["mayWrite"] is False
    assert (await look(scene, "overview"))["mayWrite"] is True
