"""What the API refuses, and how it says so."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.broker.app import Sizes
from tests.brokers import TOKEN, Network, api_client, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

DESTINATION = "http://example.com/x"
PUBLISHING = (f"/v2/publish/{DESTINATION}", f"/v2/enqueue/q/{DESTINATION}", "/v2/batch")


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = broker_over(
        migrated(tmp_path), sender=Network(FakeClock()), sizes=Sizes(message=1000, batch=5000)
    )
    async with (
        app.lifespan(),
        api_client(app) as client,
    ):
        yield client


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic abc", f"Bearer {TOKEN}x"])
async def test_without_the_token_nothing_is_answered(http: httpx.AsyncClient, given: str) -> None:
    for method, path in (("GET", "/v2/keys"), *(("POST", path) for path in PUBLISHING)):
        answer = await http.request(method, path, headers={"Authorization": given})

        assert answer.status_code == 401
        assert answer.json() == {"error": "unable to authenticate: invalid token"}


async def test_the_token_may_stand_in_the_query(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v2/keys?qstash_token={TOKEN}", headers={"Authorization": ""})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "named"),
    [
        ("/v2/publish/nowhere", {}, "invalid scheme"),
        (f"/v2/enqueue/a%20b/{DESTINATION}", {}, "queue name"),
        (f"/v2/publish/{DESTINATION}", {"Upstash-Retries": "x"}, "Upstash-Retries"),
        (f"/v2/publish/{DESTINATION}", {"Upstash-Delay": "x"}, "Upstash-Delay"),
        (f"/v2/publish/{DESTINATION}", {"Upstash-Retry-Delay": "x"}, "Upstash-Retry-Delay"),
    ],
)
async def test_what_cannot_be_read_is_answered_400_with_its_name(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], named: str
) -> None:
    answer = await http.post(path, headers=headers)

    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize("path", PUBLISHING)
async def test_whoever_publishes_has_to_post(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == 405
    assert "error" in answer.json()


async def test_every_option_and_name_is_the_messages_own(http: httpx.AsyncClient) -> None:
    for headers, body in (
        ({"Upstash-Label": "a", "Upstash-Deduplication-Id": "1"}, "x"),
        ({"Upstash-Label": "a", "Upstash-Deduplication-Id": "2"}, "y"),
        ({"Upstash-Label": "b"}, "z"),
        ({"Upstash-Label": "a"}, "x"),
    ):
        headers["Upstash-Delay"] = "1h"
        answer = await http.post(f"/v2/publish/{DESTINATION}", headers=headers, content=body)
        shown = (await http.get(f"/v2/messages/{answer.json()['messageId']}")).json()

        assert answer.status_code == 200
        assert (shown["label"], shown["body"]) == (headers["Upstash-Label"], body)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "no JSON"),
        (b"{}", "array"),
        (b"\xff", "no JSON"),
        (b"[" + b"1," * 1000 + b"1]", "1000"),
    ],
)
async def test_a_batch_of_another_shape_is_refused(
    http: httpx.AsyncClient, body: bytes, named: str
) -> None:
    answer = await http.post("/v2/batch", content=body)

    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    "item",
    [
        1,
        {},
        {"destination": DESTINATION, "body": {"a": 1}},
        {"destination": DESTINATION, "headers": []},
        {"destination": DESTINATION, "headers": {"Upstash-Retries": 3}},
        {"destination": DESTINATION, "headers": {"Upstash-Forward-X": "a\r\nb"}},
        {"destination": DESTINATION, "queue": 1},
        {"destination": DESTINATION, "queue": "a b"},
        {"destination": DESTINATION, "body": "x" * 1001},
    ],
)
async def test_a_bad_batch_item_is_told_in_its_place(http: httpx.AsyncClient, item: object) -> None:
    answer = await http.post("/v2/batch", json=[{"destination": DESTINATION}, item])

    assert answer.status_code == 200
    taken, refused = answer.json()
    assert set(taken) == {"messageId", "url"}
    assert set(refused) == {"error"}


async def test_an_empty_batch_is_an_empty_answer(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v2/batch", json=[])).json() == []


async def test_a_large_body_is_refused_before_it_is_read_on(http: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 100
            yield b"x" * 100

    for path in PUBLISHING:
        answer = await http.post(path, content=endless())

        assert answer.status_code == 413
        assert "error" in answer.json()
    assert read < 10_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/messages/msg_none"),
        ("DELETE", "/v2/messages/msg_none"),
        ("DELETE", "/v2/messages/"),
        ("GET", "/v2/dlq/1-1"),
        ("DELETE", "/v2/dlq/x"),
        ("DELETE", "/v2/dlq/"),
        ("POST", "/v2/dlq/retry/1-1"),
        ("GET", "/v2/nothing"),
    ],
)
async def test_what_is_not_there_is_answered_404(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path)

    assert answer.status_code == 404
    assert "error" in answer.json()


@pytest.mark.parametrize("path", ["/v2/events", "/v2/logs", "/v2/dlq"])
async def test_an_unknown_filter_is_refused(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"{path}?colour=red")

    assert answer.status_code == 400
    assert "colour" in answer.json()["error"]


async def test_the_log_is_the_same_under_both_of_its_names(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        await http.post(f"/v2/publish/{DESTINATION}", headers={"Upstash-Delay": "1h"})

    pages = [
        (await http.get(f"/v2/{path}", params={"count": 2})).json() for path in ("events", "logs")
    ]

    for page in pages:
        assert set(page) == {"events", "logs", "cursor"}
        assert page["events"] == page["logs"]
        assert len(page["logs"]) == 2
    assert pages[0] == pages[1]


async def test_a_cancel_with_an_empty_list_or_filter_cancels_nothing(
    http: httpx.AsyncClient,
) -> None:
    await http.post(f"/v2/publish/{DESTINATION}", headers={"Upstash-Delay": "1h"})

    for arguments in (
        {"content": b'{"messageIds": []}'},
        {"params": {"messageIds": ""}},
        {"params": {"label": "none"}},
        {"params": {"queueName": "q"}},
    ):
        answer = await http.request("DELETE", "/v2/messages", **arguments)

        assert answer.json() == {"cancelled": 0}, arguments


async def test_a_redacted_body_shows_as_a_hash(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        f"/v2/publish/{DESTINATION}",
        content=b"secret",
        headers={
            "Upstash-Delay": "1h",
            "Upstash-Redact-Fields": "body,header[X-Own]",
            "Upstash-Forward-X-Own": "secret",
            "Upstash-Forward-X-Open": "open",
        },
    )

    shown = (await http.get(f"/v2/messages/{answer.json()['messageId']}")).json()

    hashed = "REDACTED:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    assert shown["body"] == hashed
    assert shown["header"] == {"X-Own": [hashed], "X-Open": ["open"]}


async def test_a_store_that_fails_is_told_as_503(http: httpx.AsyncClient, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "broker.db") as connection:
        connection.execute("DROP TABLE dead_letters")
    connection.close()

    answer = await http.get("/v2/dlq")

    assert answer.status_code == 503
    assert "the store did not answer" in answer.json()["error"]
