"""One message as the broker's page tells it: its request, each attempt with its answer, its log."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.broker.outcome import Answer, NoAnswer
from tests.broker_scene import Scene, opened
from tests.brokers import becomes_true, migrated
from tests.contract.looking import NOT_NOW, URL, by_path, look

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(migrated(tmp_path)) as scene:
        yield scene


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


async def test_an_unknown_message_is_not_found(scene: Scene) -> None:
    missing = await scene.http.get("/waybill/v1/messages/msg_none")

    assert missing.status_code == 404
    assert "msg_none" in missing.json()["error"]
