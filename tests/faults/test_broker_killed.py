"""A broker killed twenty times among a thousand messages loses none.

The receiver is served by the test, so it hears what a killed broker had sent. Some destinations
fail now and then, some for good; some messages are in a queue, some under a flow-control key.

After each kill the dead broker's file tells which attempts it had not written down. Only those may
be heard a second time, and they are never more than the broker has under way at once.
"""

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from service.broker.app import Limits
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

SHY_QUEUED = range(2, MESSAGES, 32)
"""Of those in the queue, these fail once: what is behind them has to wait."""

Attempt = tuple[str, int]
"""A message and how often it was tried before."""


@dataclass
class Destination:
    """Answers by path, not at once: `bad` fails always, `shy` fails once for each message."""

    life: int = 0
    """Which of the brokers is running, the first is 0."""

    heard: list[tuple[Attempt, int]] = field(default_factory=list)
    """Each attempt that came, with the life of the broker it came from."""

    async def __call__(self, scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg] # plain ASGI
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        message_id = headers[b"upstash-message-id"].decode()
        retried = int(headers[b"upstash-retried"])
        self.heard.append(((message_id, retried), self.life))
        # So long that a kill meets attempts under way.
        await asyncio.sleep(0.02)
        failed = scope["path"] == "/bad" or (scope["path"] == "/shy" and retried == 0)
        status = 500 if failed else 200
        await send({"type": "http.response.start", "status": status, "headers": []})  # type: ignore[operator] # plain ASGI
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator] # plain ASGI

    async def hears_the_rest(self) -> None:
        """What a dead broker had sent lies in this process's sockets: a few turns of the loop."""
        for _ in range(100):
            await asyncio.sleep(0)

    def heard_in(self, life: int) -> set[Attempt]:
        """The attempts of one broker."""
        return {attempt for attempt, when in self.heard if when == life}

    def repeats(self) -> Iterator[tuple[Attempt, int]]:
        """Each attempt that was heard again, with the life in which it was heard before."""
        before: dict[Attempt, int] = {}
        for attempt, life in self.heard:
            if attempt in before:
                yield attempt, before[attempt]
            before[attempt] = life


def not_written_down(database: Path, scratch: Path) -> set[Attempt]:
    """What a dead broker had in hand, read from a copy: the next one shall find its file as it is.

    Without `-shm`, which is only an index of the other two.
    """
    shutil.copy(database, scratch / "copy.db")
    shutil.copy(f"{database}-wal", scratch / "copy.db-wal")
    (scratch / "copy.db-shm").unlink(missing_ok=True)
    connection = sqlite3.connect(scratch / "copy.db")
    try:
        return set(
            connection.execute("SELECT message_id, retried FROM messages WHERE place = 'claimed'")
        )
    finally:
        connection.close()


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
        path = "shy" if number in SHY_QUEUED else {0: "bad", 1: "shy"}.get(kind, "fine")
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


async def pages_of(base: str, path: str, key: str, **query: str) -> list[dict[str, str]]:
    """Everything behind a list of the API."""
    found: list[dict[str, str]] = []
    async with httpx.AsyncClient(headers=AUTH, timeout=30) as http:
        cursor = ""
        while True:
            asked = {**query, "cursor": cursor} if cursor else query
            page = (await http.get(f"{base}/v2/{path}", params=asked)).json()
            found += page[key]
            cursor = page.get("cursor", "")
            if not cursor:
                return found


async def ended(base: str) -> dict[str, str]:
    """The last state of every message that has ended."""
    states: dict[str, str] = {}
    query = {"state": "DELIVERED,FAILED", "count": "1000"}
    for entry in await pages_of(base, "events", "events", **query):
        assert entry["messageId"] not in states, "a message ends once"
        states[entry["messageId"]] = entry["state"]
    return states


async def test_twenty_kills_lose_none_of_a_thousand_messages(tmp_path: Path) -> None:
    chance = random.Random(20)
    database, port = tmp_path / "broker.db", free_port()
    destination, base = Destination(), f"http://127.0.0.1:{port}"
    in_flight: list[set[Attempt]] = []
    async with served(destination) as hook:
        publisher = Publisher(base=base, hook=hook)
        publishing = asyncio.create_task(publisher.publish_all())
        for kill in range(KILLS):
            destination.life = kill
            async with running(database, port) as process:
                await publisher.has(MESSAGES * (kill + 1) // (KILLS + 2))
                await asyncio.sleep(chance.uniform(0.0, 0.1))
                process.kill()
                process.wait()
            await destination.hears_the_rest()
            claimed = not_written_down(database, tmp_path)
            in_flight.append(claimed & destination.heard_in(kill))

        destination.life = KILLS
        async with running(database, port), asyncio.timeout(PATIENCE):
            await publishing

            async def all_ended() -> bool:
                return len(await ended(base)) >= MESSAGES

            await becomes_true(all_ended)
            states = await ended(base)
            letters = await pages_of(base, "dlq", "messages", count="100")
            created = await pages_of(base, "events", "events", state="CREATED", count="1000")

    published = set(publisher.ids.values())
    assert len(published) == MESSAGES
    assert set(states) == published
    for number, message_id in publisher.ids.items():
        assert states[message_id] == ("FAILED" if number % 8 == 0 else "DELIVERED")
    dead = Counter(letter["messageId"] for letter in letters)
    assert dead == Counter(publisher.ids[number] for number in range(0, MESSAGES, 8))

    assert {message_id for (message_id, _), _ in destination.heard} == published
    expected = sum({0: 4, 1: 2}.get(number % 8, 1) for number in range(MESSAGES))
    assert len({attempt for attempt, _ in destination.heard}) == expected + len(SHY_QUEUED)
    assert any(in_flight), "a kill that meets nothing under way proves nothing"
    assert max(map(len, in_flight)) <= Limits().destination
    for attempt, life in destination.repeats():
        assert life < KILLS, "only a kill makes an attempt come twice"
        assert attempt in in_flight[life], "only what was in flight at a kill may come twice"

    queued = {publisher.ids[number] for number in range(2, MESSAGES, 8)}
    order = [entry["messageId"] for entry in reversed(created) if entry["messageId"] in queued]
    attempts = [message_id for (message_id, _), _ in destination.heard if message_id in queued]
    assert [message_id for message_id, _ in groupby(attempts)] == order
