"""What the broker tells its page beyond QStash's endpoints: counts, lists by state, attempts."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.broker.flow import FlowControl
from service.broker.outcome import Answer, NoAnswer
from tests.broker_scene import Scene, opened
from tests.brokers import READ_ONLY_TOKEN, Sent, becomes_true, migrated

pytestmark = pytest.mark.anyio

URL = "http://a.example/x"
NOT_NOW = Answer(status=500, body=b"not now")
REFUSED = Answer(status=489, headers=(("Upstash-NonRetryable-Error", "true"),), body=b"for good")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(migrated(tmp_path)) as scene:
        yield scene


def by_path(sent: Sent) -> Answer | NoAnswer:
    """`ok` is taken, `bad` is refused for good, anything else fails for now."""
    if "ok" in sent.url:
        return Answer(status=200, headers=(("Content-Type", "text/plain"),), body=b"thank you")
    if "bad" in sent.url:
        return REFUSED
    return NOT_NOW


async def look(scene: Scene, path: str, **query: str | int) -> Any:
    answer = await scene.http.get(f"/waybill/v1/{path}", params={**query})
    assert answer.status_code == 200, answer.text
    return answer.json()


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


async def test_a_story_has_each_attempt_with_its_request_and_answer(scene: Scene) -> None:
    failures: list[Answer | NoAnswer] = [NoAnswer(reason="no connection"), NOT_NOW]
    scene.network.answers = lambda sent: failures.pop() if failures else by_path(sent)
    published = await scene.http.post(
        "/v2/publish/http://a.example/ok",
        content=b'{"n": 1}',
        headers={
            "Content-Type": "application/json",
            "Upstash-Forward-X-Name": "value",
            "Upstash-Label": "one,two",
            "Upstash-Retry-Delay": "1000",
        },
    )
    for attempts in (1, 2):
        await scene.settled(attempts)
        await scene.time.pass_by(1)
    await scene.settled(3)

    story = await look(scene, f"messages/{published.json()['messageId']}")

    assert story["state"] == "delivered"
    assert story["labels"] == ["one", "two"]
    assert story["request"]["body"] == '{"n": 1}'
    assert story["request"]["header"]["X-Name"] == ["value"]
    assert story["request"]["header"]["Content-Type"] == ["application/json"]
    assert "Upstash-Signature" not in story["request"]["header"]
    first, second, third = story["attempts"]
    assert (first["number"], first["outcome"]) == (1, "failed")
    assert first["answer"] == {"status": 500, "header": {}, "body": "not now"}
    assert first["nextDeliveryTime"] == second["startedAt"]
    assert (second["error"], "answer" in second) == ("no connection", False)
    assert third["answer"]["header"] == {"Content-Type": ["text/plain"]}
    assert (third["outcome"], third["answer"]["body"]) == ("delivered", "thank you")
    states = [entry["state"] for entry in story["log"]]
    assert states == [
        "CREATED",
        *("ACTIVE", "ERROR", "RETRY") * 2,
        "ACTIVE",
        "DELIVERED",
    ]


async def test_what_was_redacted_stays_so(scene: Scene) -> None:
    published = await scene.http.post(
        f"/v2/publish/{URL}",
        content=b"a secret",
        headers={
            "Upstash-Redact-Fields": "body,header[X-Key]",
            "Upstash-Forward-X-Key": "hush",
            "Upstash-Delay": "1h",
        },
    )

    answer = await scene.http.get(f"/waybill/v1/messages/{published.json()['messageId']}")

    request = answer.json()["request"]
    assert request["body"].startswith("REDACTED:")
    assert request["header"]["X-Key"][0].startswith("REDACTED:")
    assert "secret" not in answer.text
    assert "hush" not in answer.text


async def test_a_large_body_is_shown_from_its_beginning_and_a_binary_one_in_base64(
    scene: Scene,
) -> None:
    delayed = {"Upstash-Delay": "1h"}
    # Two bytes each, so that the cut goes through one of them.
    large = await scene.http.post(
        f"/v2/publish/{URL}", content=b"x" + "é".encode() * 40_000, headers=delayed
    )
    binary = await scene.http.post(f"/v2/publish/{URL}", content=b"\xff\x00", headers=delayed)

    told = (await look(scene, f"messages/{large.json()['messageId']}"))["request"]
    other = (await look(scene, f"messages/{binary.json()['messageId']}"))["request"]

    assert (told["size"], told["cut"]) == (80_001, True)
    assert told["body"] == "x" + "é" * 32_767
    assert base64.b64decode(other["bodyBase64"]) == b"\xff\x00"
    assert "cut" not in other


async def test_a_message_that_ended_long_ago_tells_its_attempts_and_says_what_is_gone(
    scene: Scene,
) -> None:
    scene.network.answers = by_path
    [done] = await scene.publish("ok")
    await scene.settled(1)
    await scene.time.pass_by(3_600)

    async def emptied() -> bool:
        return "forgotten" in (await look(scene, f"messages/{done}"))["request"]

    await becomes_true(emptied)
    story = await look(scene, f"messages/{done}")
    qstash = await scene.http.get(f"/v2/messages/{done}")

    assert story["request"] == {"forgotten": True}
    assert [one["answer"]["status"] for one in story["attempts"]] == [200]
    assert qstash.status_code == 404


async def test_a_failed_message_names_its_dead_letter(scene: Scene) -> None:
    scene.network.answers = by_path
    [failed] = await scene.publish("bad")
    await scene.settled(1)
    story = await look(scene, f"messages/{failed}")

    retried = await scene.http.post(f"/v2/dlq/retry/{story['dlqId']}")

    assert retried.status_code == 201
    again = await look(scene, f"messages/{failed}")
    assert (again["state"], "dlqId" in again) == ("failed", False)


async def test_a_message_of_very_many_attempts_shows_the_newest_by_their_numbers(
    scene: Scene,
) -> None:
    scene.network.answers = lambda _: Answer(status=500, headers=(("Retry-After", "0"),))
    [stubborn] = await scene.publish("x", retries=109)
    await scene.settled(110)

    story = await look(scene, f"messages/{stubborn}")

    assert len(story["log"]) == 300
    assert [one["number"] for one in story["attempts"]] == list(range(11, 111))


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


async def test_an_unknown_message_is_not_found(scene: Scene) -> None:
    missing = await scene.http.get("/waybill/v1/messages/msg_none")

    assert missing.status_code == 404
    assert "msg_none" in missing.json()["error"]
