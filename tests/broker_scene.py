"""A broker whose time and network are in the test's hand, spoken to without HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from service.broker.addressing import Publication
from service.broker.app import Limits
from service.broker.broker import Broker
from service.broker.flow import FlowControl
from service.broker.headers import Request
from service.broker.message import Callback, Options
from tests.brokers import FakeTime, Network, Sent, api_client, becomes_true, broker_over

__all__ = ["Scene", "opened", "paths"]

LIMITS = Limits(concurrency=16, shutdown=1.0)


@dataclass(kw_only=True)
class Scene:
    """What a test has in its hand."""

    time: FakeTime
    network: Network
    broker: Broker
    http: httpx.AsyncClient

    async def publish(
        self,
        *paths: str,
        queue: str | None = None,
        flow: FlowControl | None = None,
        host: str = "a.example",
        delay: int = 0,
        retries: int = 3,
        callback: str | None = None,
    ) -> list[str]:
        """Publishes one message for each path, in one go; gives their ids."""
        options = Options(
            queue=queue,
            flow=flow,
            retries=retries,
            callback=None if callback is None else Callback(url=callback),
        )
        publications = [
            Publication(
                request=Request(options=options, delay=delay),
                url=f"http://{host}/{path}",
                body=b"x",
                caller_ip=None,
            )
            for path in paths
        ]
        return [one.message.id for one in await self.broker.publish(publications)]

    async def states(self, message_id: str) -> list[str]:
        """The states of a message, the oldest first."""
        page = (await self.http.get("/v2/events", params={"messageId": message_id})).json()
        return [entry["state"] for entry in reversed(page["events"])]

    async def settled(self, count: int) -> None:
        """Waits until so many attempts have ended and are written down."""
        await self.network.sends(count)

        async def recorded() -> bool:
            page = (await self.http.get("/v2/events", params={"state": "ERROR,DELIVERED"})).json()
            return len(page["events"]) == count

        await becomes_true(recorded)
        await self.time.asleep()

    async def quiet(self) -> None:
        """Waits until nothing happens any more: what does not come now needs time to pass."""
        before = -1
        while before != len(self.network.sent):
            before = len(self.network.sent)
            for _ in range(3):
                await self.time.asleep()
                await self.http.get("/v2/events", params={"count": 1})


@asynccontextmanager
async def opened(
    database: Path,
    *,
    time: FakeTime | None = None,
    network: Network | None = None,
    limits: Limits = LIMITS,
) -> AsyncIterator[Scene]:
    """A scene over a file that holds the broker's schema."""
    time = time or FakeTime()
    network = network or Network(time)
    app = broker_over(database, clock=time, wait=time.wait, sender=network, limits=limits)
    async with app.lifespan(), api_client(app) as http:
        yield Scene(time=time, network=network, broker=app.state.broker, http=http)


def paths(sent: list[Sent]) -> list[str]:
    """The last parts of the destinations, in the order of the attempts."""
    return [one.url.rsplit("/", 1)[-1] for one in sent]
