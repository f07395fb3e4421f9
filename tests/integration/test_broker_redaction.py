"""What a publisher asked to hide is hidden wherever the API shows it, and delivered as it is."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.broker.outcome import Answer
from tests.brokers import Network, api_client, becomes_true, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

URL = "http://example.com/x"
SECRET = "the-secret"
HEADERS = {
    "Upstash-Redact-Fields": "body,headers",
    "Upstash-Forward-X-Own": SECRET,
    "Upstash-Retries": "0",
    "Upstash-Callback": "http://example.com/callback",
    "Upstash-Failure-Callback": "http://example.com/failure",
}


@pytest.fixture
async def network() -> Network:
    network = Network(FakeClock())
    network.answers = lambda sent: Answer(status=500 if sent.url == URL else 200)
    return network


@pytest.fixture
async def http(tmp_path: Path, network: Network) -> AsyncIterator[httpx.AsyncClient]:
    app = broker_over(migrated(tmp_path), sender=network)
    async with app.lifespan(), api_client(app) as client:
        yield client


async def test_neither_log_nor_dead_letters_nor_callbacks_show_it(
    http: httpx.AsyncClient, network: Network
) -> None:
    await http.post(f"/v2/publish/{URL}", content=SECRET.encode(), headers=HEADERS)
    sent = await network.sends(3)

    async def ended() -> bool:
        page = await http.get("/v2/events", params={"state": "DELIVERED"})
        return len(page.json()["events"]) == 2

    await becomes_true(ended)
    shown = [(await http.get(path)).text for path in ("/v2/events", "/v2/dlq")]
    for one in sent:
        name = one.headers["Upstash-Message-Id"]
        shown.append((await http.get(f"/v2/messages/{name}")).text)

    encoded = base64.b64encode(SECRET.encode()).decode()
    assert [text for text in shown if SECRET in text or encoded in text] == []
    assert all("REDACTED:" in text for text in shown)
    assert (sent[0].body, sent[0].headers["X-Own"]) == (SECRET.encode(), SECRET)
    told = [json.loads(one.body) for one in sent[1:]]
    assert {each["sourceBody"] for each in told} == {encoded}


async def test_a_dead_letter_that_is_tried_again_is_delivered_as_it_was(
    http: httpx.AsyncClient, network: Network
) -> None:
    only = {name: HEADERS[name] for name in HEADERS if "allback" not in name}
    await http.post(f"/v2/publish/{URL}", content=SECRET.encode(), headers=only)

    async def dead() -> bool:
        return len((await http.get("/v2/dlq")).json()["messages"]) == 1

    await becomes_true(dead)
    (letter,) = (await http.get("/v2/dlq")).json()["messages"]
    await http.post(f"/v2/dlq/retry/{letter['dlqId']}")

    sent = await network.sends(2)
    assert (sent[1].body, sent[1].headers["X-Own"]) == (SECRET.encode(), SECRET)
