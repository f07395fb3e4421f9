"""The HTTP client of deliveries: one method, failures as values.

aiohttp, because it makes many times as many requests in a second of processor time as httpx does
(decision 0014). No redirects, no proxies or credentials from the environment, no cookies; the
answer's body is read up to a limit.
"""

import ssl
from functools import lru_cache
from typing import Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from service.broker.message import Headers
from service.broker.outcome import Answer, NoAnswer
from service.broker.reach import EVERYWHERE, Reach
from service.broker.resolving import CheckedResolver, NotAllowed

__all__ = ["Client", "Sender"]

# Shorter than the keep-alive time of common servers, so that we hang up first.
IDLE_SECONDS = 4.0
CONNECT_SECONDS = 10.0
LARGEST_HEADER = 32 * 1024


class Sender(Protocol):
    """What the delivery engine needs of the network."""

    async def send(
        self, *, method: str, url: str, headers: Headers, body: bytes, seconds: float
    ) -> Answer | NoAnswer:
        """Sends one request; gives the answer within so many seconds, or why there is none."""
        ...


class Client:
    """Keeps connections open between deliveries; goes nowhere outside of its reach."""

    def __init__(
        self,
        *,
        connections: int,
        largest_answer: int,
        reach: Reach = EVERYWHERE,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._connections = connections
        self._largest = largest_answer
        self._reach = reach
        self._resolver = resolver

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            keepalive_timeout=IDLE_SECONDS,
            ssl=_tls(),
            resolver=CheckedResolver(self._resolver or aiohttp.ThreadedResolver(), self._reach),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            auto_decompress=False,
            trust_env=False,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(
        self, *, method: str, url: str, headers: Headers, body: bytes, seconds: float
    ) -> Answer | NoAnswer:
        """Sends one request; gives the answer, or why there is none."""
        # A literal address is never resolved, so it is judged here.
        refusal = self._reach.refusal_at_sight(url)
        if refusal is not None:
            return NoAnswer(reason=f"not sent: {refusal}")
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            # `encoded`: the destination goes out as it was published, not tidied up.
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=limits,
            ) as response:
                return Answer(
                    status=response.status,
                    headers=tuple(_header(*pair) for pair in response.raw_headers),
                    body=await self._read(response),
                )
        except aiohttp.ConnectionTimeoutError:
            return NoAnswer(reason=f"no connection within {min(seconds, CONNECT_SECONDS):g} s")
        except TimeoutError:
            return NoAnswer(reason=f"no answer within {seconds:g} s")
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, NotAllowed):
                return NoAnswer(reason=f"not sent: {error.os_error}"[:1000])
            return NoAnswer(reason=f"{type(error).__name__}: {error}"[:1000])
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoAnswer(reason=f"{type(error).__name__}: {error}"[:1000])

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._largest:
                # The rest is not wanted, so the connection cannot be used again.
                response.close()
                break
        return b"".join(parts)[: self._largest]


def _tls() -> ssl.SSLContext:
    # The system's authorities; OpenSSL honours SSL_CERT_FILE by itself.
    return ssl.create_default_context()


def _header(name: bytes, value: bytes) -> tuple[str, str]:
    return _shown(name), value.decode("latin-1")


@lru_cache(maxsize=256)
def _shown(name: bytes) -> str:
    return "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))
