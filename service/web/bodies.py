"""Request bodies with a limit that is kept before anything is read beyond it."""

from typing import Any

from litestar import Request

from service.web.problems import TooLarge


async def read_body(request: Request[Any, Any, Any], *, limit: int) -> bytes:
    """The whole body, at most ``limit`` bytes; raises ``TooLarge``."""
    refuse_declared(request, limit=limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(limit)
        parts.append(part)
    return b"".join(parts)


def refuse_declared(request: Request[Any, Any, Any], *, limit: int) -> None:
    """Refuse a body that says itself that it is too large; raises ``TooLarge``."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(limit)
