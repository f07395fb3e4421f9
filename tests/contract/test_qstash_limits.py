"""What the official SDK is told when a limit is used up, and every answer until then."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from qstash.errors import DailyMessageLimitExceededError, RateLimitExceededError

from service.broker.app import Rates
from service.broker.outcome import Answer
from tests.brokers import (
    FakeTime,
    Network,
    api_client,
    becomes_true,
    broker_over,
    migrated,
    sdk_client,
    served,
)

pytestmark = pytest.mark.anyio

URL = "http://example.com/x"
DAY = 86_400
Opened = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def clock() -> FakeTime:
    """It begins with a day, so that none ends inside a test that does not want it."""
    return FakeTime()


@pytest.fixture
def opened(tmp_path: Path, clock: FakeTime) -> Opened:
    """Opens a broker over one file, again and again."""
    path = migrated(tmp_path)

    @asynccontextmanager
    async def broker(
        network: Network | None = None, **rates: int
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = broker_over(
            path,
            clock=clock,
            wait=clock.wait,
            sender=network or Network(clock),
            rates=Rates(**rates),
        )
        async with app.lifespan(), api_client(app) as client:
            yield client

    return broker


def told(answer: httpx.Response, prefix: str) -> tuple[int, ...]:
    return tuple(
        int(answer.headers[f"{prefix}-{name}"]) for name in ("Limit", "Remaining", "Reset")
    )


async def test_the_sdk_knows_a_burst_by_its_headers(tmp_path: Path) -> None:
    app = broker_over(migrated(tmp_path), rates=Rates(requests_per_second=3))
    async with served(app) as broker, sdk_client(broker) as client:
        with pytest.raises(RateLimitExceededError) as refused:
            for _ in range(10_000):
                await client.queue.list()

        async def answered() -> bool:
            try:
                await client.queue.list()
            except RateLimitExceededError:
                return False
            return True

        await becomes_true(answered)

    assert (refused.value.limit, refused.value.remaining) == ("3", "0")
    assert abs(int(refused.value.reset or 0) - time.time()) < 10


async def test_the_sdk_knows_that_the_messages_of_a_day_are_used_up(tmp_path: Path) -> None:
    app = broker_over(migrated(tmp_path), rates=Rates(messages_per_day=1, requests_per_second=50))
    async with served(app) as broker, sdk_client(broker) as client:
        await client.message.publish(url=URL, delay="1h")

        with pytest.raises(DailyMessageLimitExceededError) as refused:
            await client.message.publish(url=URL, delay="1h")

    assert (refused.value.limit, refused.value.remaining) == ("1", "0")
    assert int(refused.value.reset or 0) % DAY == 0


async def test_an_answer_names_the_limit_it_was_counted_for_and_no_other(opened: Opened) -> None:
    async with opened(requests_per_second=9, messages_per_day=5) as http:
        listed = await http.get("/v2/queues")
        missing = await http.get("/v2/queues/nowhere")
        published = await http.post(f"/v2/publish/{URL}")
        batch = await http.post("/v2/batch", json=[{"destination": URL}, {"destination": URL}])
        queued = await http.post(f"/v2/enqueue/q/{URL}")

    assert told(listed, "Burst-RateLimit")[:2] == (9, 8)
    assert told(missing, "Burst-RateLimit")[:2] == (9, 7)
    assert [told(one, "RateLimit")[:2] for one in (published, batch, queued)] == [
        (5, 4),
        (5, 2),
        (5, 1),
    ]
    assert "RateLimit-Limit" not in listed.headers
    assert "Burst-RateLimit-Limit" not in published.headers


async def test_a_broker_without_limits_names_none(opened: Opened) -> None:
    async with opened() as http:
        answers = [await http.get("/v2/queues"), await http.post(f"/v2/publish/{URL}")]

    assert not any("ratelimit" in name for one in answers for name in one.headers)


async def test_the_refusal_says_which_limit_and_what_to_do(opened: Opened) -> None:
    async with opened(requests_per_second=1, messages_per_day=1) as http:
        await http.get("/v2/queues")
        burst = await http.get("/v2/queues")
        daily = await http.post("/v2/batch", json=[{"destination": URL}, {"destination": URL}])

    assert (burst.status_code, daily.status_code) == (429, 429)
    assert "1 requests in one second" in burst.json()["error"]
    assert "RateLimit-Limit" not in burst.headers
    assert "1 messages a day" in daily.json()["error"]
    assert told(daily, "RateLimit")[:2] == (1, 1)


async def test_the_next_second_and_the_next_day_begin_anew(opened: Opened, clock: FakeTime) -> None:
    async with opened(requests_per_second=1, messages_per_day=1) as http:
        first = await http.post(f"/v2/publish/{URL}")
        reset = told(first, "RateLimit")[2]
        assert (await http.post(f"/v2/publish/{URL}")).status_code == 429
        assert (await http.get("/v2/queues")).status_code == 200
        assert (await http.get("/v2/queues")).status_code == 429

        clock.set_clock(ahead=reset - clock.now / 1_000_000)

        assert (await http.post(f"/v2/publish/{URL}")).status_code == 200
        assert (await http.get("/v2/queues")).status_code == 200


async def test_a_request_without_the_token_uses_nothing_up(opened: Opened) -> None:
    async with opened(requests_per_second=1) as http:
        for _ in range(3):
            refused = await http.get("/v2/queues", headers={"Authorization": "Bearer wrong"})
            assert refused.status_code == 401
            assert "Burst-RateLimit-Limit" not in refused.headers

        assert (await http.get("/v2/queues")).status_code == 200


async def test_a_duplicate_is_no_message_and_a_refused_one_neither(opened: Opened) -> None:
    async with opened(messages_per_day=3) as http:
        for _ in range(2):
            await http.post(f"/v2/publish/{URL}", headers={"Upstash-Deduplication-Id": "once"})
        await http.post("/v2/publish/nowhere")
        last = await http.post(f"/v2/publish/{URL}")

    assert told(last, "RateLimit")[:2] == (3, 1)


async def test_callbacks_are_counted_and_never_refused(opened: Opened, clock: FakeTime) -> None:
    network = Network(clock)
    async with opened(network, messages_per_day=1) as http:
        await http.post(f"/v2/publish/{URL}", headers={"Upstash-Callback": "http://a.example/told"})
        sent = await network.sends(2)
        refused = await http.post(f"/v2/publish/{URL}")

    assert sent[1].url == "http://a.example/told"
    assert refused.status_code == 429


async def test_a_restart_gives_no_new_day(opened: Opened) -> None:
    async with opened(messages_per_day=2) as http:
        await http.post(f"/v2/publish/{URL}")
    async with opened(messages_per_day=2) as http:
        second = await http.post(f"/v2/publish/{URL}")
        third = await http.post(f"/v2/publish/{URL}")

    assert told(second, "RateLimit")[:2] == (2, 0)
    assert third.status_code == 429


async def test_retrying_a_dead_letter_is_a_message_too(opened: Opened, clock: FakeTime) -> None:
    network = Network(clock)
    network.answers = lambda _: Answer(
        status=489, headers=(("Upstash-NonRetryable-Error", "true"),)
    )
    async with opened(network, messages_per_day=1) as http:
        await http.post(f"/v2/publish/{URL}")

        async def dead() -> bool:
            return bool((await http.get("/v2/dlq")).json()["messages"])

        await becomes_true(dead)
        refused = await http.post("/v2/dlq/retry?count=1")
        left = (await http.get("/v2/dlq")).json()["messages"]

    assert refused.status_code == 429
    assert len(left) == 1
