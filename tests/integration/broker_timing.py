"""A broker whose clock stands still, whose network is a script, and a client of its API."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx

from service.broker.app import Limits, Retention
from tests.brokers import FakeTime, Network, api_client, becomes_true, broker_over, migrated


class Scene:
    """What a test has in its hand."""

    def __init__(self, time: FakeTime, network: Network, http: httpx.AsyncClient) -> None:
        self.time = time
        self.network = network
        self.http = http

    async def publish(self, url: str = "http://example.com/x", **headers: str) -> str:
        named = {f"Upstash-{name.replace('_', '-')}": value for name, value in headers.items()}
        answer = await self.http.post(f"/v2/publish/{url}", headers=named, content=b"x")
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["messageId"])

    async def states(self, message_id: str) -> list[str]:
        page = (await self.http.get("/v2/events", params={"messageId": message_id})).json()
        return [entry["state"] for entry in reversed(page["events"])]

    async def sends_after(self, seconds: float, count: int) -> None:
        """Nothing more is sent just before, and `count` in all right after."""
        before = len(self.network.sent)
        await self.time.pass_by(seconds - 0.001)
        assert len(self.network.sent) == before
        await self.time.pass_by(0.001)
        await self.attempted(count)

    async def attempted(self, count: int) -> None:
        """Waits until so many attempts were made and their outcomes are written down."""
        await self.network.sends(count)

        async def recorded() -> bool:
            page = await self.http.get("/v2/events", params={"state": "ERROR,DELIVERED"})
            return len(page.json()["events"]) == count

        await becomes_true(recorded)
        await self.time.asleep()


def standing(folder: Path) -> AbstractAsyncContextManager[Scene]:
    """A broker with a file of its own in this folder."""
    time = FakeTime()
    return opened(migrated(folder), time, Network(time))


@asynccontextmanager
async def opened(
    database: Path,
    time: FakeTime,
    network: Network,
    retention: Retention = Retention(),  # noqa: B008 - frozen
) -> AsyncIterator[Scene]:
    app = broker_over(
        database,
        clock=time,
        wait=time.wait,
        sender=network,
        limits=Limits(shutdown=1.0),
        retention=retention,
    )
    async with app.lifespan(), api_client(app) as http:
        await time.asleep()
        yield Scene(time, network, http)
