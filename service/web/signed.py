"""Routes that only QStash may use: the signature first, then the work, then a short answer.

They are asked more often than all others together, and no person reads their description. So they
do without the framework's parameters and responses, which cost as much as the signature.
"""

from collections.abc import Awaitable, Callable

from litestar import Request, asgi
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from events.document.answers import Answer
from service.web.bodies import read_body
from service.web.requests import WebRequest
from service.web.rooms import ServiceRooms
from service.web.signature import Verified

Handle = Callable[[ServiceRooms, WebRequest, bytes, Verified], Awaitable[Answer]]
"""What is done with a request that is QStash's, and its body."""

UNSIGNED = Answer(401, "the signature is not valid")


def signed_route(
    rooms: ServiceRooms | None, path: str, handle: Handle, *, limit: int
) -> ASGIRouteHandler:
    """A POST with a body of at most ``limit`` bytes, signed for this path."""

    @asgi(path, copy_scope=False, include_in_schema=False)
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            raise MethodNotAllowedException(headers={"allow": "POST"})
        if rooms is None:
            raise AssertionError("an application without rooms is described, not asked")
        request: WebRequest = Request(scope, receive, send)
        body = await read_body(request, limit=limit)
        verified = await rooms.doorkeeper.check(request, path, body)
        answer = UNSIGNED if verified is None else await handle(rooms, request, body, verified)
        await _send(send, answer)

    return route


async def _send(send: Send, answer: Answer) -> None:
    body = answer.reason.encode()
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))}
    headers |= answer.headers
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
