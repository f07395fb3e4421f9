"""The server's HTTP API as the verbs need it: answers are values, refusals are `Trouble`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from service.commands.document import Document, document_from
from service.commands.endings import Refused, Trouble, Unreachable, Unusable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
TRIES = 3
"""How often an upload is sent when the connection breaks or the server is busy."""
LONGEST_WAIT_SECONDS = 30.0
MOST_CONNECTIONS = 16
BUSY = (429, 502, 503, 504)

T = TypeVar("T")
Body = Callable[[], AsyncIterator[bytes]]
"""Starts a document's bytes from the beginning; called again for another try."""


class Client:
    """One server, one pool of connections."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.url = url

    async def upload(
        self, body: Body, *, size: int, key: str, query: Mapping[str, str]
    ) -> Document:
        """Sends a document; safe to repeat, because the same key means the same document."""
        headers = {
            "Content-Type": "application/pdf",
            "Content-Length": str(size),
            "Idempotency-Key": key,
        }
        for tries_left in reversed(range(TRIES)):
            request = self.http.build_request(
                "POST", "/v1/documents", content=body(), headers=headers, params=dict(query)
            )
            try:
                response = await self._send(request)
            except Unreachable:
                if not tries_left:
                    raise
                await asyncio.sleep(1)
                continue
            if response.status_code in BUSY and tries_left:
                await asyncio.sleep(wait_of(response, otherwise=1))
                continue
            return self._document(_answer(response).get("document"))
        raise AssertionError("the last try returns or raises")

    async def document(self, document_id: str, *, as_of: str | None = None) -> Document:
        return self._document(await self.get(_path(document_id) + _then(as_of)))

    async def history(self, document_id: str, *, as_of: str | None = None) -> list[dict[str, Any]]:
        """The document's events, oldest first."""
        path = f"{_path(document_id)}/events{_then(as_of)}"
        events: object = (await self.get(path)).get("events")
        return self._converted(events, list[dict[str, Any]])

    async def ask(self, document_id: str, verb: str, reason: str | None) -> Document:
        """`retry` or `cancel`, with the reason that the history will show."""
        body = {"by": "command line", "reason": reason or ""}
        request = self.http.build_request("POST", f"{_path(document_id)}/{verb}", json=body)
        return self._document(_answer(await self._send(request)))

    async def erase(self, document_id: str, by: str, reason: str) -> Document:
        """Has the document erased; the answer says how far that is."""
        body = {"by": by, "reason": reason}
        request = self.http.build_request("DELETE", _path(document_id), json=body)
        return self._document(_answer(await self._send(request)))

    async def get(self, path: str) -> Mapping[str, Any]:
        return _answer(await self.look(path))

    async def post(self, path: str) -> Mapping[str, Any]:
        """Asks for something that needs no body."""
        return _answer(await self._send(self.http.build_request("POST", path)))

    async def look(self, path: str) -> httpx.Response:
        """Whatever the server answers, refusals too."""
        return await self._send(self.http.build_request("GET", path))

    @asynccontextmanager
    async def feed(self, path: str, last_id: str | None) -> AsyncIterator[httpx.Response]:
        """An open event stream; reading it has no time limit, the caller has its own."""
        headers = {"Accept": "text/event-stream", "Feed-Client": "waybill"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        endless = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=None)
        request = self.http.build_request("GET", path, headers=headers, timeout=endless)
        response = await self._send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            return await self.http.send(request, stream=stream)
        except httpx.TransportError as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from error

    def _document(self, answer: object) -> Document:
        return document_from(self._converted(answer, dict[str, Any]))

    def _converted(self, answer: object, kind: type[T]) -> T:
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise Trouble(f"{self.url} does not answer as Waybill does: {error}") from error


@asynccontextmanager
async def open_client(url: str, token: str | None) -> AsyncIterator[Client]:
    """A client for the server at `url`; this machine is never asked through a proxy."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable(f"{url!r} is no address of a server; write it as http://HOST:PORT")
    near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    async with httpx.AsyncClient(
        base_url=url.rstrip("/"),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
        trust_env=not near,
    ) as http:
        yield Client(http, url.rstrip("/"))


def refusal(response: httpx.Response) -> Refused:
    """The problem in an answer that has been read, or the best that can be said without one."""
    try:
        problem = msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.DecodeError:
        problem = {}
    title = str(problem.get("title") or f"{response.status_code} {response.reason_phrase}")
    if response.status_code == httpx.codes.UNAUTHORIZED and not problem.get("detail"):
        problem["detail"] = "give the token with --token or WAYBILL_API_TOKEN"
    return Refused(
        status=response.status_code, title=title, detail=str(problem.get("detail") or "")
    )


def wait_of(response: httpx.Response, *, otherwise: float) -> float:
    """The seconds the server asks to wait for, within reason."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT_SECONDS) if asked.isdecimal() else otherwise


def _answer(response: httpx.Response) -> Mapping[str, Any]:
    if response.is_error:
        raise refusal(response)
    return answered(response)


def answered(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object in an answer."""
    try:
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        place = response.request.url
        raise Trouble(f"{place} does not answer as Waybill does: {error}") from error


def _path(document_id: str) -> str:
    return f"/v1/documents/{quote(document_id, safe='')}"


def _then(as_of: str | None) -> str:
    return "" if as_of is None else f"?as_of={quote(as_of, safe='')}"
