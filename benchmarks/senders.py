"""The broker's HTTP client beside httpx: signed deliveries to a bare receiver, in the same rounds.

Both send the same messages, as many at once as one destination gets, over connections that they
keep. `senders/deliveries` is the rate; `senders/processor` is what a delivery costs the sending
process, which the rest of the broker's loop has less of.
"""

import time
from collections.abc import AsyncIterator

import aiohttp
import httpx

from benchmarks.broker import send_all
from benchmarks.broker_server import running
from benchmarks.figure import Figure
from benchmarks.session import Session
from service.broker.client import Client, Sender
from service.broker.limits import Limits
from service.broker.message import Headers
from service.broker.outcome import Answer

AT_ONCE = Limits().destination
LARGEST_ANSWER = 1000


class Httpx:
    """httpx as a sender, set up as the broker's client is: no redirects, no proxies."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(
        self, *, method: str, url: str, headers: Headers, body: bytes, seconds: float
    ) -> Answer:
        """Sends one request; whatever goes wrong ends the measurement."""
        answer = await self._client.request(
            method, url, headers=list(headers), content=body, timeout=seconds
        )
        return Answer(status=answer.status_code, body=answer.content)


async def run(session: Session) -> AsyncIterator[Figure]:
    """One after the other, round after round."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    count = session.sizes.messages
    for _ in range(session.rounds):
        async with Client(connections=AT_ONCE, largest_answer=LARGEST_ANSWER) as client:
            ours.append(await _measured(client, count))
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as plain:
            theirs.append(await _measured(Httpx(plain), count))
    for position, (name, unit) in enumerate(
        (("senders/deliveries", "deliveries/s"), ("senders/processor", "ms"))
    ):
        yield session.figure(
            name,
            [values[position] for values in ours],
            unit,
            peer=[values[position] for values in theirs],
            peer_name=f"httpx {httpx.__version__}",
            conditions={
                "client": f"aiohttp {aiohttp.__version__}",
                "messages": count,
                "at_once": AT_ONCE,
            },
        )


async def _measured(sender: Sender, count: int) -> tuple[float, float]:
    """Deliveries a second, and milliseconds of this process for each."""
    async with running("receiver") as receiver:
        before = time.process_time()
        seconds = await send_all(sender, receiver.url, count, at_once=AT_ONCE)
        spent = time.process_time() - before
    return count / seconds, 1000 * spent / count
