"""The client of deliveries, against real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from service.broker.app import Limits
from service.broker.client import Client
from service.broker.outcome import Answer, NoAnswer
from tests.brokers import TOKEN, Receiver, becomes_true, broker_over, migrated, served

pytestmark = pytest.mark.anyio

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(connections=8, largest_answer=1000) as opened:
        yield opened


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """A server that says exactly what a test makes it say."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


class Connections:
    """A destination that notes over which connection each request came."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:  # type: ignore[type-arg] # plain ASGI
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        self.seen.append(tuple(scope["client"]))
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def sent(
    client: Client, url: str, *, method: str = "POST", seconds: float = 5
) -> Answer | NoAnswer:
    return await client.send(
        method=method, url=url, headers=(("X-Own", "1"),), body=b"body", seconds=seconds
    )


async def test_only_the_headers_it_was_given_are_sent(client: Client) -> None:
    receiver = Receiver()
    async with served(receiver) as url:
        await sent(client, f"{url}/a")

    assert set(receiver.heard[0].headers) == {"host", "x-own", "content-length"}


async def test_a_connection_is_used_again(client: Client) -> None:
    connections = Connections()
    async with served(connections) as url:
        for number in range(20):
            assert isinstance(await sent(client, f"{url}/{number}"), Answer)

    assert len(connections.seen) == 20
    assert len(set(connections.seen)) == 1


async def test_many_deliveries_need_no_more_connections_than_go_out_at_once(
    tmp_path: Path,
) -> None:
    connections = Connections()
    limits = Limits(destination=8, shutdown=1.0)
    async with (
        served(connections) as hook,
        served(broker_over(migrated(tmp_path), limits=limits)) as broker,
        httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, base_url=broker) as http,
    ):
        await http.post("/v2/batch", json=[{"destination": hook, "body": "x"}] * 200)

        async def all_heard() -> bool:
            return len(connections.seen) >= 200

        await becomes_true(all_heard)

    assert len(connections.seen) == 200
    assert len(set(connections.seen)) <= limits.destination


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_carries_the_body(client: Client, method: str) -> None:
    receiver = Receiver()
    async with served(receiver) as url:
        await sent(client, f"{url}/a", method=method)

    assert (receiver.heard[0].method, receiver.heard[0].body) == (method, b"body")


async def test_a_redirect_is_an_answer_and_not_followed(client: Client) -> None:
    receiver = Receiver()
    receiver.answer(Answer(status=302, headers=(("Location", "/other"),)))
    async with served(receiver) as url:
        answer = await sent(client, f"{url}/a")

    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert len(receiver.heard) == 1


async def test_a_long_answer_is_cut_and_the_next_request_still_works(client: Client) -> None:
    receiver = Receiver()
    receiver.answer(Answer(status=500, body=b"x" * 100_000), Answer(status=200, body=b"short"))
    async with served(receiver) as url:
        first = await sent(client, f"{url}/a")
        second = await sent(client, f"{url}/a")

    assert isinstance(first, Answer)
    assert (first.status, len(first.body)) == (500, 1000)
    assert isinstance(second, Answer)
    assert second.body == b"short"


async def test_a_destination_that_takes_too_long_is_left(client: Client) -> None:
    receiver = Receiver(pause=asyncio.Event())
    async with served(receiver) as url:
        answer = await sent(client, f"{url}/a", seconds=0.2)
        assert receiver.pause is not None
        receiver.pause.set()

    assert answer == NoAnswer(reason="no answer within 0.2 s")


async def test_an_answer_that_never_ends_runs_into_the_same_limit(client: Client) -> None:
    released = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        await writer.drain()
        await released.wait()

    async with raw_server(drip) as url:
        answer = await sent(client, url, seconds=0.2)
        released.set()

    assert answer == NoAnswer(reason="no answer within 0.2 s")


async def test_nobody_listening_is_a_value(client: Client) -> None:
    answer = await sent(client, "http://127.0.0.1:9/")

    assert isinstance(answer, NoAnswer)
    assert "Cannot connect" in answer.reason


async def test_a_name_that_does_not_exist_is_a_value(client: Client) -> None:
    answer = await sent(client, "http://no-such-host.invalid/")

    assert isinstance(answer, NoAnswer)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_broken_answer_is_a_value(client: Client, said: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async with raw_server(talk) as url:
        answer = await sent(client, url)

    assert isinstance(answer, NoAnswer)
    assert len(answer.reason) <= 1000


async def test_a_proxy_in_the_environment_is_not_used(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    receiver = Receiver()
    async with served(receiver) as url:
        answer = await sent(client, url)

    assert isinstance(answer, Answer)
