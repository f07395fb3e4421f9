"""What tests of the broker share: its schema, a served broker, a receiver, and time in the hand."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from litestar import Litestar
from qstash import AsyncQStash

from migrations import upgrade
from service.broker.app import Limits, Rates, Retention, Sizes, create_broker
from service.broker.client import Sender
from service.broker.message import Headers
from service.broker.outcome import Answer, NoAnswer
from service.broker.reach import EVERYWHERE, Reach
from service.broker.timing import Wait, wait_for
from service.clock import new_id, system_clock
from tests.fakes import FakeClock

TOKEN = "a-token-for-tests"
READ_ONLY_TOKEN = "a-token-for-looking"


def migrated(folder: Path) -> Path:
    """A file with the broker's schema, made by its migrations."""
    path = folder / "broker.db"
    upgrade("broker", path)
    return path


def broker_over(
    database: Path,
    *,
    clock: Callable[[], int] = system_clock,
    wait: Wait = wait_for,
    sender: Sender | None = None,
    limits: Limits = Limits(shutdown=1.0),  # noqa: B008 - frozen
    sizes: Sizes = Sizes(),  # noqa: B008 - frozen
    retention: Retention = Retention(),  # noqa: B008 - frozen
    reach: Reach = EVERYWHERE,
    rates: Rates = Rates(),  # noqa: B008 - frozen
) -> Litestar:
    return create_broker(
        database=database,
        token=TOKEN,
        read_only_token=READ_ONLY_TOKEN,
        clock=clock,
        new_id=new_id,
        new_secret=lambda: secrets.token_urlsafe(32),
        wait=wait,
        sender=sender,
        limits=limits,
        sizes=sizes,
        retention=retention,
        reach=reach,
        rates=rates,
    )


def api_client(app: Litestar, *, caller: str = "127.0.0.1") -> httpx.AsyncClient:
    """Speaks to an application without a network in between, as somebody at this address."""
    transport = httpx.ASGITransport(
        cast(Any, app), raise_app_exceptions=False, client=(caller, 50_000)
    )
    return httpx.AsyncClient(
        transport=transport,
        base_url="http://broker",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


@asynccontextmanager
async def served(app: object) -> AsyncIterator[str]:
    """Serves an ASGI application on a free loopback port; gives its address."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type] # uvicorn's own type is narrower than what it serves
        host="127.0.0.1",
        port=0,
        log_level="error",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[socket]))

    async def started_or_ended() -> bool:
        return server.started or serving.done()

    await becomes_true(started_or_ended)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        socket.close()


@asynccontextmanager
async def sdk_client(broker: str) -> AsyncIterator[AsyncQStash]:
    """The official client; it has no close of its own."""
    client = AsyncQStash(TOKEN, base_url=broker, retry=False)
    async with client.http._client:
        yield client


async def becomes_true(fact: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a fact that only asking can tell, such as one behind HTTP."""
    async with asyncio.timeout(20):
        while not await fact():  # noqa: ASYNC110 - there is nobody who could tell us
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request that reached the receiver."""

    method: str
    raw_path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A small real HTTP destination: remembers what it hears, answers what it is told to."""

    answers: Iterator[Answer | None] = field(default_factory=lambda: itertools.repeat(None))
    heard: list[Heard] = field(default_factory=list)
    pause: asyncio.Event | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def answer(self, *answers: Answer | None) -> None:
        """Answers these in turn, the last of them from then on."""
        self.answers = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def hears(self, count: int) -> list[Heard]:
        """Waits until so many requests came."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.heard) >= count)
        return self.heard

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:  # type: ignore[type-arg] # plain ASGI
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        path = scope["raw_path"].decode()
        query = scope["query_string"].decode()
        heard = Heard(
            method=scope["method"],
            raw_path=f"{path}?{query}" if query else path,
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
            body=body,
        )
        async with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()
        if self.pause is not None:
            await self.pause.wait()
        answer = next(self.answers) or Answer(status=200, body=b"ok")
        pairs = [(name.encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.body})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A delivery as the network would have got it."""

    at: int
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Network:
    """Stands where the network is: answers from a script, at once or when it is let go."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.sent: list[Sent] = []
        self.answers: Callable[[Sent], Answer | NoAnswer] = lambda _: Answer(status=200)
        self.gate: asyncio.Event | None = None
        self.under_way = 0
        self.most_under_way = 0
        self._changed = asyncio.Condition()

    async def send(
        self, *, method: str, url: str, headers: Headers, body: bytes, seconds: float
    ) -> Answer | NoAnswer:
        sent = Sent(at=self._clock(), method=method, url=url, headers=dict(headers), body=body)
        async with self._changed:
            self.sent.append(sent)
            self._changed.notify_all()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self.answers(sent)
        finally:
            self.under_way -= 1

    async def sends(self, count: int) -> list[Sent]:
        """Waits until so many deliveries were made."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.sent) >= count)
        return self.sent


class FakeTime(FakeClock):
    """A clock and the waiting for it: nothing passes until a test lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.sleepers = 4
        """Who sleeps when nothing happens: engine, pulse, schedules, housekeeper; per broker."""
        self._sleepers: dict[asyncio.Event, int] = {}
        self._changed = asyncio.Condition()

    async def wait(self, wake: asyncio.Event, seconds: float) -> None:
        alarm = asyncio.Event()
        self._sleepers[alarm] = self.now + round(seconds * 1_000_000)
        async with self._changed:
            self._changed.notify_all()
        tasks = [asyncio.create_task(event.wait()) for event in (wake, alarm)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            del self._sleepers[alarm]

    def set_clock(self, *, ahead: float) -> None:
        """Moves the clock though no time passes, as an administrator does."""
        self.advance(ahead)
        for alarm in self._sleepers:
            self._sleepers[alarm] += round(ahead * 1_000_000)

    async def asleep(self) -> None:
        """Waits until everybody sleeps into the future."""

        def sleeping() -> bool:
            return sum(until > self.now for until in self._sleepers.values()) >= self.sleepers

        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(sleeping)

    async def pass_by(self, seconds: float) -> None:
        """Lets time pass, and those whose time has come wake up and go to sleep again."""
        await self.asleep()
        self.advance(seconds)
        for alarm, until in self._sleepers.items():
            if until <= self.now:
                alarm.set()
        await self.asleep()
