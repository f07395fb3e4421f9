"""The token that may only read."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.brokers import READ_ONLY_TOKEN, Network, api_client, broker_over, migrated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

URL = "http://example.com/x"


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = broker_over(migrated(tmp_path), sender=Network(FakeClock()))
    async with app.lifespan(), api_client(app) as client:
        client.headers["Authorization"] = f"Bearer {READ_ONLY_TOKEN}"
        yield client


@pytest.mark.parametrize(
    "path",
    ["events", "logs", "dlq", "queues", "topics", "schedules", "flowControl", "globalParallelism"],
)
async def test_it_reads(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(f"/v2/{path}")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"publish/{URL}"),
        ("POST", f"enqueue/q/{URL}"),
        ("POST", "batch"),
        ("DELETE", "messages"),
        ("DELETE", "messages/msg_1"),
        ("POST", "queues"),
        ("POST", "queues/q/pause"),
        ("DELETE", "queues/q"),
        ("POST", "topics/g/endpoints"),
        ("PATCH", "topics/g"),
        ("DELETE", "topics/g"),
        ("POST", f"schedules/{URL}"),
        ("PATCH", "schedules/s/pause"),
        ("PUT", "schedules/s/resume"),
        ("DELETE", "schedules/s"),
        ("DELETE", "dlq"),
        ("POST", "dlq/retry"),
        ("POST", "flowControl/k/pin"),
        ("POST", "keys/rotate"),
        # Whoever has these can sign deliveries.
        ("GET", "keys"),
    ],
)
async def test_it_changes_nothing_and_does_not_get_the_keys(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, f"/v2/{path}")

    assert answer.status_code == 403
    assert "may only read" in answer.json()["error"]


async def test_it_may_stand_in_the_query(http: httpx.AsyncClient) -> None:
    del http.headers["Authorization"]

    assert (await http.get(f"/v2/dlq?qstash_token={READ_ONLY_TOKEN}")).status_code == 200
    assert (await http.get(f"/v2/keys?qstash_token={READ_ONLY_TOKEN}")).status_code == 403
    assert (await http.get("/v2/dlq")).status_code == 401
