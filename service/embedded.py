"""The embedded broker: a QStash of our own, inside this process or in one beside it.

Either way the service reaches it like Upstash's: over HTTP, with a token, through the SDK.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from migrations import upgrade
from service.broker.app import create_broker
from service.broker.credentials import Credentials, open_credentials
from service.clock import new_id, system_clock
from service.hosting import address_of, bind, hosted

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
DATABASE = "broker.db"
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class Qstash(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach QStash, whoever runs it, and how to know that a request is from it."""

    url: str | None
    token: str
    current_signing_key: str
    next_signing_key: str
    embedded: bool


def prepare(data: Path) -> Credentials:
    """Make the broker's file and credentials, or find them."""
    data.mkdir(parents=True, exist_ok=True)
    database = data / DATABASE
    upgrade("broker", f"sqlite:///{database}")
    return open_credentials(folder=data, database=database, new_secret=_new_secret)


def broker_app(data: Path, credentials: Credentials) -> Any:
    """The broker as an ASGI application."""
    return create_broker(
        database=data / DATABASE,
        token=credentials.token,
        clock=system_clock,
        new_id=new_id,
        new_secret=_new_secret,
    )


@asynccontextmanager
async def broker_inside(data: Path, *, port: int) -> AsyncIterator[Qstash]:
    """Run the broker in this process, on a port of its own."""
    credentials = await asyncio.to_thread(prepare, data)
    listening = bind(HOST, port)
    async with hosted(broker_app(data, credentials), listening, grace_seconds=STOP_SECONDS):
        yield _qstash(address_of(listening, HOST), credentials)


@asynccontextmanager
async def broker_beside(data: Path, *, port: int) -> AsyncIterator[Qstash]:
    """Run the broker in a process of its own, which ends with this one, however this one ends."""
    credentials = await asyncio.to_thread(prepare, data)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service",
        "broker",
        "--data",
        str(data),
        "--port",
        str(port),
        "--until-stdin-ends",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield _qstash(await _announced(process), credentials)
    finally:
        await _stop(process)


async def _announced(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise AssertionError("the broker's output is a pipe")
    async with asyncio.timeout(START_SECONDS):
        line = (await process.stdout.readline()).decode().strip()
    _, _, url = line.partition("listening on ")
    if not url:
        raise RuntimeError(f"the broker did not start: {line or 'it said nothing'}")
    return url


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        log.warning("the broker did not stop in time and was killed")
        process.kill()
        await process.wait()


def _qstash(url: str, credentials: Credentials) -> Qstash:
    return Qstash(
        url=url,
        token=credentials.token,
        current_signing_key=credentials.current_signing_key,
        next_signing_key=credentials.next_signing_key,
        embedded=True,
    )


def _new_secret() -> str:
    return secrets.token_urlsafe(32)
