"""How many messages a second the broker takes durably, and how many it delivers.

Publishing is compared with a Litestar handler that does nothing, on the same server, under the same
load. Delivering is compared with as many plain signed POSTs to the same receiver, by the HTTP
client and the signature that the broker uses itself, without a broker.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from benchmarks.broker_server import Heard, Program, heard_by, running
from benchmarks.figure import Figure
from benchmarks.http_client import UnexpectedAnswer, connected
from benchmarks.session import Session
from service.broker.client import Client, Sender
from service.broker.limits import Limits
from service.broker.message import Message, Options
from service.broker.outcome import Answer
from service.broker.signing import delivery_headers, sign
from service.clock import system_clock
from service.embedded import prepare

CLIENTS = 32
BODY_BYTES = 100
BATCH = 100
DURABILITY = "SQLite WAL, synchronous=FULL: the answer comes after fdatasync; outcomes likewise"
LOOK_SECONDS = 0.02
PATIENCE = 300.0
SIGNING_KEY = "sig_of_the_floor_of_the_benchmark_only"

Headers = Mapping[str, str]


async def run(session: Session) -> AsyncIterator[Figure]:
    """Broker and floor in turn, round after round."""
    async for figure in _publishing(session):
        yield figure
    async for figure in _delivering(session):
        yield figure


async def _publishing(session: Session) -> AsyncIterator[Figure]:
    count = session.sizes.messages
    ours, floors = [], []
    for _ in range(session.rounds):
        with session.fresh_folder() as folder:
            token = prepare(folder).token
            # Due in a day, so that only publishing is measured.
            headers = {"Authorization": f"Bearer {token}", "Upstash-Delay": "1d"}
            async with running("broker", str(folder)) as broker:
                ours.append(count / await _publish(broker, headers, "http://127.0.0.1:9/", count))
        async with running("floor") as floor:
            floors.append(count / await _publish(floor, headers, "http://127.0.0.1:9/", count))
    yield session.figure(
        "broker/publish",
        ours,
        "messages/s",
        floor=floors,
        conditions=_conditions(count, "a Litestar handler that does nothing, same server"),
    )


async def _delivering(session: Session) -> AsyncIterator[Figure]:
    count = session.sizes.messages
    one_by_one: list[float] = []
    batches: list[float] = []
    floors: list[float] = []
    heard: list[Heard] = []
    for _ in range(session.rounds):
        for batch, rates in ((1, one_by_one), (BATCH, batches)):
            rate, told = await deliver(session, batch=batch)
            rates.append(rate)
            if batch == 1:
                heard.append(told)
        async with running("receiver") as receiver:
            floors.append(count / await _send_plainly(receiver.url, count))
    conditions = _conditions(count, "plain signed POSTs with the same HTTP client, 64 at once")
    for name, rates in (("broker/deliver", one_by_one), ("broker/deliver-batched", batches)):
        yield session.figure(name, rates, "messages/s", floor=floors, conditions=conditions)
    for name, values in (
        ("broker/deliver/p50", [1000 * told.p50 for told in heard]),
        ("broker/deliver/p99", [1000 * told.p99 for told in heard]),
    ):
        yield session.figure(name, values, "ms", conditions=conditions)


async def deliver(session: Session, *, batch: int) -> tuple[float, Heard]:
    """One round: messages a second, and what the receiver tells."""
    count = session.sizes.messages
    with session.fresh_folder() as folder:
        async with running("receiver") as receiver:
            seconds, heard = await _deliver(folder, receiver, count, batch)
    return count / seconds, heard


def _conditions(count: int, floor: str) -> dict[str, object]:
    return {
        "durability": DURABILITY,
        "messages": count,
        "body_bytes": BODY_BYTES,
        "clients": CLIENTS,
        "floor_is": floor,
    }


async def _deliver(folder: Path, receiver: Program, count: int, batch: int) -> tuple[float, Heard]:
    """Seconds from the first publish to the last delivery, and what the receiver tells."""
    token = prepare(folder).token
    async with running("broker", str(folder)) as broker:
        began = time.time()
        headers = {"Authorization": f"Bearer {token}"}
        if batch == 1:
            await _publish(broker, headers, receiver.url, count)
        else:
            await _publish_batches(broker, headers, receiver.url, count)
        heard = await _all_heard(receiver, count)
    if heard.count != count:
        raise UnexpectedAnswer(f"{heard.count} deliveries of {count} messages")
    return heard.last_at - began, heard


async def _all_heard(receiver: Program, count: int) -> Heard:
    async with asyncio.timeout(PATIENCE):
        while (heard := await heard_by(receiver)).count < count:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(LOOK_SECONDS)
        return heard


async def _publish(server: Program, headers: Headers, destination: str, count: int) -> float:
    target = f"/v2/publish/{destination}"
    return await _post_all(server.url, headers, target, (_body() for _ in range(count)))


async def _publish_batches(
    server: Program, headers: Headers, destination: str, count: int
) -> float:
    def batches() -> Iterator[bytes]:
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            items = [{"destination": destination, "body": _body().decode()} for _ in range(size)]
            yield json.dumps(items).encode()

    return await _post_all(server.url, headers, "/v2/batch", batches())


def _body() -> bytes:
    return f"{time.time():<20.6f}".encode().ljust(BODY_BYTES, b"x")


async def _post_all(url: str, headers: Headers, target: str, bodies: Iterator[bytes]) -> float:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(CLIENTS):
            tasks.create_task(_post_each(url, headers, target, bodies))
    return time.perf_counter() - began


async def _post_each(url: str, headers: Headers, target: str, bodies: Iterator[bytes]) -> None:
    async with connected(url, headers) as connection:
        for body in bodies:
            answer = await connection.post(target, body, "text/plain")
            if answer.status != 200:
                raise UnexpectedAnswer(
                    f"the server answered {answer.status}: {answer.body[:500]!r}"
                )


async def _send_plainly(url: str, count: int) -> float:
    """The floor of deliveries: sign and send, and nothing else."""
    limits = Limits()
    async with Client(connections=limits.concurrency, largest_answer=1000) as client:
        return await send_all(client, url, count, at_once=limits.destination)


async def send_all(sender: Sender, url: str, count: int, *, at_once: int) -> float:
    """Signs and sends so many messages; the seconds it took."""
    began = time.perf_counter()
    numbers = iter(range(count))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(_send_each(sender, url, numbers))
    return time.perf_counter() - began


async def _send_each(sender: Sender, url: str, numbers: Iterator[int]) -> None:
    for number in numbers:
        message = _message(number, url)
        at = system_clock()
        answer = await sender.send(
            method="POST",
            url=url,
            headers=delivery_headers(message, sign(message, key=SIGNING_KEY, at=at)),
            body=message.body,
            seconds=60,
        )
        if not isinstance(answer, Answer) or answer.status != 200:
            raise UnexpectedAnswer(f"the receiver answered {answer}")


def _message(number: int, url: str) -> Message:
    return Message(
        id=f"msg_{number}",
        url=url,
        headers=(("Content-Type", "text/plain"),),
        body=_body(),
        options=Options(),
        created_at=0,
        not_before=0,
        due_at=0,
    )
