"""Requests and answers without the framework's objects, for the one route that is hot."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from litestar.exceptions import ClientException
from litestar.status_codes import HTTP_413_REQUEST_ENTITY_TOO_LARGE
from litestar.types import Receive, Send

__all__ = ["TooLarge", "answer", "body_of"]


class TooLarge(ClientException):
    """The body is above the limit."""

    status_code = HTTP_413_REQUEST_ENTITY_TOO_LARGE


async def body_of(scope: Mapping[str, Any], receive: Receive, *, most: int) -> bytes | None:
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


async def answer(
    send: Send, *, status: int, document: object, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Answers with JSON."""
    body = msgspec.json.encode(document)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *((name.lower().encode(), value.encode()) for name, value in headers),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _declared(scope: Mapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
