"""Routes without the framework's requests, guards and responses.

Publishing is the hot part of the API, and there those cost more than all of the rest together.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import asgi
from litestar.enums import ScopeType
from litestar.exceptions import ClientException, MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE
from litestar.types import Receive, Scope, Send

from service.broker.api.answers import Check

__all__ = ["Answer", "posted"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON document."""

    document: object
    status: int = 200
    headers: Iterable[tuple[str, str]] = ()


Reply = Callable[[Scope, bytes], Awaitable[Answer]]


def posted(path: str, reply: Reply, *, check: Check, most: int, below: bool) -> ASGIRouteHandler:
    """A route that takes POST, with a body of at most so many bytes, also for all paths `below`.

    `check` looks at the token; a body above the limit is answered 413 before it is read on.
    """

    @asgi(path, is_mount=below, copy_scope=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            raise MethodNotAllowedException
        check(scope)
        body = await _body(scope, receive, most=most)
        if body is not None:
            await _send(send, await reply(scope, body))

    return route


class TooLarge(ClientException):
    """The body is above the limit."""

    status_code = HTTP_413_REQUEST_ENTITY_TOO_LARGE


async def _body(scope: Mapping[str, Any], receive: Receive, *, most: int) -> bytes | None:
    """The body, refused before it is read on when it is too large; None when the caller went."""
    if _declared(scope) > most:
        raise TooLarge("Request Entity Too Large")
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return None
        part = event["body"]
        size += len(part)
        if size > most:
            raise TooLarge("Request Entity Too Large")
        parts.append(part)
        if not event["more_body"]:
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    body = msgspec.json.encode(answer.document)
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *((name.lower().encode(), value.encode()) for name, value in answer.headers),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _declared(scope: Mapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
