"""Programs that the broker is measured with, each served as the product serves itself.

`broker FOLDER` is the broker alone; `floor` a Litestar handler that does nothing; `receiver` a bare
destination that takes every delivery and tells how long they took (bodies begin with the moment of
publishing, in seconds).
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import uvloop
from litestar import Litestar, post

from benchmarks.http_client import connected
from benchmarks.rounds import percentile
from service.beside import HOST
from service.embedded import broker_app, prepare
from service.hosting import address_of, bind, hosted, stop_signals, tune_interpreter

GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One that listens."""

    url: str
    process: psutil.Process
    seconds_to_listening: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the receiver tells: how many deliveries, and how long they took, in seconds."""

    count: int
    last_at: float
    p50: float
    p99: float


class Receiver:
    """Takes everything."""

    def __init__(self) -> None:
        self._latencies: list[float] = []
        self._last_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """A POST is a delivery, a GET asks, a DELETE forgets."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = b"{}"
        if scope["method"] == "POST":
            await self._take(receive)
        elif scope["method"] == "GET":
            body = msgspec.json.encode(self._heard())
        length = str(len(body)).encode()
        head = {"type": "http.response.start", "status": 200}
        await send({**head, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, receive: Any) -> None:
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        self._last_at = time.time()
        self._latencies.append(self._last_at - float(body[:20]))

    def _heard(self) -> Heard:
        known = self._latencies or [0.0]
        return Heard(
            count=len(self._latencies),
            last_at=self._last_at,
            p50=percentile(known, 0.5),
            p99=percentile(known, 0.99),
        )


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Program]:
    """One of the programs, in a process of its own."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.broker_server", *arguments),
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise AssertionError("the output is a pipe")
        url = (await process.stdout.readline()).decode().strip()
        yield Program(
            url=url,
            process=psutil.Process(process.pid),
            seconds_to_listening=time.perf_counter() - began,
        )
    finally:
        process.terminate()
        await process.wait()


async def heard_by(receiver: Program) -> Heard:
    """What a receiver has heard so far."""
    async with connected(receiver.url) as connection:
        return msgspec.json.decode((await connection.get("/")).body, type=Heard)


@post("/{path:path}", status_code=200)
async def _nothing() -> dict[str, str]:
    return {"messageId": "msg_26hZCxZCuWyyTWPmSVBrNB882AEa"}


async def _live(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


def _app(arguments: Sequence[str]) -> Any:
    if arguments[0] == "broker":
        folder = Path(arguments[1])
        credentials = prepare(folder)
        return broker_app(folder, credentials)
    if arguments[0] == "receiver":
        return Receiver()
    return Litestar(route_handlers=[_nothing], openapi_config=None, logging_config=None)


async def _serve(arguments: Sequence[str]) -> None:
    app = _app(arguments)
    listening = bind(HOST, 0)
    async with stop_signals() as stop, hosted(app, listening, grace_seconds=GRACE_SECONDS):
        tune_interpreter()
        print(address_of(listening, HOST), flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1:]))
