"""A broker killed twenty times among a thousand messages loses none.

The receiver is served by the test, so it hears what a killed broker had sent. Some destinations
fail now and then, some for good; some messages are in a queue, some under a flow-control key.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.brokers import TOKEN, becomes_true, served
from tests.integration.test_broker_kill import running
from tests.ports import free_port

pytestmark = pytest.mark.anyio

MESSAGES = 1000
KILLS = 20
AT_ONCE = 8
PATIENCE = 90
AUTH = {"Authorization": f"Bearer {TOKEN}"}
SOON = {"Upstash-Retry-Delay": "20", "Upstash-Retries": "3"}
ODD = {
    3: {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=4"},
    4: {"Upstash-Delay": "1s"},
    5: {"Upstash-Retries": "1"},
}


@dataclass
class Destination:
    """Answers by path: `bad` fails always, `shy` fails once for each message."""

    heard: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)

    async def __call__(self, scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg] # plain ASGI
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        message_id = headers[b"upstash-message-id"].decode()
        self.heard[message_id] += 1
        self.order.append(message_id)
        path = scope["path"]
        failed = path == "/bad" or (path == "/shy" and self.heard[message_id] == 1)
        status = 500 if failed else 200
        await send({"type": "http.response.start", "status": status, "headers": []})  # type: ignore[operator] # plain ASGI
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator] # plain ASGI


@dataclass
class Publisher:
    """Publishes until everything is acknowledged; repeats what a kill left open, by its name."""

    base: str
    hook: str
    ids: dict[int, str] = field(default_factory=dict)

    async def publish_all(self) -> None:
        numbers = iter(range(MESSAGES))
        async with httpx.AsyncClient(headers=AUTH, timeout=30) as http:
            await asyncio.gather(*(self._publish(http, numbers) for _ in range(AT_ONCE)))

    async def has(self, count: int) -> None:
        """Waits until so many are acknowledged."""

        async def published() -> bool:
            return len(self.ids) >= count

        await becomes_true(published)

    async def _publish(self, http: httpx.AsyncClient, numbers: object) -> None:
        for number in numbers:  # type: ignore[attr-defined] # one iterator for all of us
            await self._insist(http, number)

    async def _insist(self, http: httpx.AsyncClient, number: int) -> None:
        kind = number % 8
        path = {0: "bad", 1: "shy"}.get(kind, "fine")
        named = {"Upstash-Deduplication-Id": str(number), **SOON, **ODD.get(kind, {})}
        verb = "enqueue/q" if kind == 2 else "publish"
        while number not in self.ids:
            try:
                url = f"{self.base}/v2/{verb}/{self.hook}/{path}"
                answer = await http.post(url, headers=named, content=b"x" * 100)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code in (200, 202), answer.text
            self.ids[number] = answer.json()["messageId"]


async def ended(base: str) -> dict[str, str]:
    """The last state of every message that has ended."""
    states: dict[str, str] = {}
    async with httpx.AsyncClient(headers=AUTH, timeout=30) as http:
        cursor = ""
        while True:
            query = {"state": "DELIVERED,FAILED", "count": "1000"}
            if cursor:
                query["cursor"] = cursor
            page = (await http.get(f"{base}/v2/events", params=query)).json()
            for entry in page["events"]:
                assert entry["messageId"] not in states, "a message ends once"
                states[entry["messageId"]] = entry["state"]
            cursor = page.get("cursor", "")
            if not cursor:
                return states


async def test_twenty_kills_lose_none_of_a_thousand_messages(tmp_path: Path) -> None:
    chance = random.Random(20)
    database, port = tmp_path / "broker.db", free_port()
    destination, base = Destination(), f"http://127.0.0.1:{port}"
    in_flight = 0
    async with served(destination) as hook:
        publisher = Publisher(base=base, hook=hook)
        publishing = asyncio.create_task(publisher.publish_all())
        for kill in range(KILLS):
            async with running(database, port) as process:
                await publisher.has(MESSAGES * (kill + 1) // (KILLS + 2))
                await asyncio.sleep(chance.uniform(0.0, 0.1))
                process.kill()
                process.wait()
                in_flight += 64

        async with running(database, port), asyncio.timeout(PATIENCE):
            await publishing

            async def all_ended() -> bool:
                return len(await ended(base)) >= MESSAGES

            await becomes_true(all_ended)
            states = await ended(base)

    published = set(publisher.ids.values())
    assert len(published) == MESSAGES
    assert set(states) == published
    for number, message_id in publisher.ids.items():
        assert states[message_id] == ("FAILED" if number % 8 == 0 else "DELIVERED")
    assert set(destination.heard) == published
    expected = sum({0: 4, 1: 2}.get(number % 8, 1) for number in range(MESSAGES))
    again = sum(destination.heard.values()) - expected
    assert 0 <= again <= in_flight, "only attempts in flight may come twice"
    queued = [publisher.ids[number] for number in range(MESSAGES) if number % 8 == 2]
    firsts = [one for one in dict.fromkeys(destination.order) if one in set(queued)]
    assert len(firsts) == len(queued)
