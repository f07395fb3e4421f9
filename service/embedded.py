"""The embedded broker: a QStash of our own, inside this process or in one beside it.

Either way the service reaches it like Upstash's: over HTTP, with a token, through the SDK.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from migrations import upgrade
from service.beside import BY_SETTING, HOST, STOP_SECONDS, BrokerProcess
from service.broker.app import Rates, Retention, create_broker
from service.broker.chaos import Chaos, parse
from service.broker.credentials import TOKEN_FILE, Credentials, NoToken, open_credentials
from service.broker.errors import Malformed
from service.broker.presence import is_open
from service.broker.published import DEVELOPMENT, TOKENS
from service.broker.reach import EVERYWHERE, Reach, reach_of
from service.broker.signing import SigningKeys
from service.claim import unwritable
from service.clock import new_id, system_clock
from service.hosting import address_of, bind, hosted
from service.opening import opening
from service.settings import SettingsError, is_loopback

DATABASE = "broker.db"


class Qstash(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach QStash, whoever runs it, and how to know that a request is from it."""

    url: str | None
    token: str
    current_signing_key: str
    next_signing_key: str
    embedded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Who may reach a broker that is started alone, and where it may deliver to."""

    host: str = HOST
    destinations: Sequence[str] = ()
    dev_credentials: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a broker refuses because it is too much or too soon; 0 stands for no limit."""

    deduplication_seconds: int = 600
    requests_per_second: int = 1000
    messages_per_day: int = 0


def prepare_exposed(data: Path, exposure: Exposure) -> tuple[Credentials, Reach]:
    """As `prepare`; raises `SettingsError` rather than to let anybody in who knows no secret."""
    exposed = not is_loopback(exposure.host)
    if exposed and exposure.dev_credentials:
        raise SettingsError(
            [
                f"--host is {exposure.host!r}, which other machines can reach, and everybody "
                "knows the credentials of --dev-credentials; leave one of them out"
            ]
        )
    try:
        reach = reach_of(exposure.destinations, exposed=exposed)
    except Malformed as error:
        raise SettingsError([f"--allow-destination: {error}"]) from error
    credentials = prepare(data)
    if exposed and credentials.token in TOKENS:
        raise SettingsError(
            [
                f"--host is {exposure.host!r}, which other machines can reach, and the token in "
                f"{data / TOKEN_FILE} is a published one; remove the file to have a new one made"
            ]
        )
    if exposure.dev_credentials:
        credentials = replace(DEVELOPMENT, read_only_token=credentials.read_only_token)
    return credentials, reach


def chaos_of(text: str | None) -> Chaos | None:
    """How to misbehave, with a seed of its own unless one is given; raises `SettingsError`."""
    if text is None:
        return None
    try:
        return parse(text, seed=secrets.randbelow(1_000_000_000))
    except Malformed as error:
        raise SettingsError([f"--chaos: {error}"]) from error


def prepare(data: Path) -> Credentials:
    """Make the broker's file and credentials, or find them; raises `SettingsError`."""
    database = data / DATABASE
    try:
        data.mkdir(parents=True, exist_ok=True)
        with opening(database):
            upgrade("broker", database)
            return open_credentials(folder=data, database=database, new_secret=_new_secret)
    except OSError as error:
        raise unwritable(data, error) from error
    except NoToken as error:
        raise SettingsError([str(error)]) from error


def token_file(data: Path) -> Path:
    """Where the broker of this folder keeps the token that may do everything."""
    return data / TOKEN_FILE


def broker_app(
    data: Path,
    credentials: Credentials,
    *,
    reach: Reach = EVERYWHERE,
    chaos: Chaos | None = None,
    bounds: Bounds = Bounds(),
) -> Any:
    """The broker as an ASGI application."""
    published = credentials.token == DEVELOPMENT.token
    return create_broker(
        database=data / DATABASE,
        token=credentials.token,
        read_only_token=credentials.read_only_token,
        clock=system_clock,
        new_id=new_id,
        new_secret=_new_secret,
        retention=Retention(deduplication=bounds.deduplication_seconds),
        rates=Rates(
            requests_per_second=bounds.requests_per_second or None,
            messages_per_day=bounds.messages_per_day or None,
        ),
        reach=reach,
        chaos=chaos,
        keys=_keys(credentials) if published else None,
    )


def _keys(credentials: Credentials) -> SigningKeys:
    return SigningKeys(current=credentials.current_signing_key, next=credentials.next_signing_key)


@asynccontextmanager
async def broker_inside(data: Path, *, port: int) -> AsyncIterator[Qstash]:
    """Run the broker in this process, on a port of its own."""
    credentials = await asyncio.to_thread(prepare, data)
    listening = bind(HOST, port, instead=BY_SETTING)
    async with hosted(broker_app(data, credentials), listening, grace_seconds=STOP_SECONDS):
        yield _qstash(address_of(listening, HOST), credentials)


@asynccontextmanager
async def broker_beside(data: Path, *, port: int) -> AsyncIterator[Qstash]:
    """Run the broker in a process of its own, which ends with this one, however this one ends."""
    credentials = await asyncio.to_thread(prepare, data)
    process = BrokerProcess(data, lingers=lambda: is_open(data / DATABASE))
    url = await process.start(port)
    keeping = asyncio.create_task(process.keep(int(url.rsplit(":", 1)[1])), name="broker-keeper")
    try:
        yield _qstash(url, credentials)
    finally:
        keeping.cancel()
        await process.stop()


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
