"""Refusals as QStash words them: `{"error": ...}` with the status that fits."""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
)
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.broker.errors import BrokerError, Malformed
from service.broker.rates import Burst

__all__ = [
    "HANDLERS",
    "Check",
    "burst_guard",
    "full_access",
    "guard_of",
    "token_check",
    "with_limits",
]

log = logging.getLogger(__name__)

Connection = ASGIConnection[Any, Any, Any, Any]
Check = Callable[[Mapping[str, Any]], None]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]


_LIMITS = "rate_limit_headers"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET = "/v2/keys"  # noqa: S105 - a path


def token_check(token: str, read_only: str | None = None) -> Check:
    """What refuses a request without the token, in the header or as `qstash_token` in the query.

    The read-only one opens what only reads, except the signing keys: they sign deliveries.
    """
    allowed = full_access(token)
    reading = read_only.encode() if read_only else None

    def check(scope: Mapping[str, Any]) -> None:
        if allowed(scope):
            return
        if reading is None or not hmac.compare_digest(_given(scope), reading):
            raise NotAuthorizedException("unable to authenticate: invalid token")
        if scope.get("method") not in READING or scope["path"].startswith(SECRET):
            raise PermissionDeniedException("forbidden: this token may only read, and not the keys")

    return check


def full_access(token: str) -> Callable[[Mapping[str, Any]], bool]:
    """What tells whether a request brings the token that may do everything."""
    expected = token.encode()
    return lambda scope: hmac.compare_digest(_given(scope), expected)


def guard_of(check: Check) -> Guard:
    """The same as a guard of routes."""

    # Asynchronous only in form: the framework runs plain functions in another thread.
    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        check(connection.scope)

    return guard


def burst_guard(burst: Burst) -> Guard:
    """Counts a request as one of its second; put it behind the one that looks at the token."""

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        connection.scope["state"][_LIMITS] = burst.take()

    return guard


def with_limits(app: ASGIApp) -> ASGIApp:
    """Puts the headers of the limit that a request was counted for into its answer."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(event: Message) -> None:
            if event["type"] == "http.response.start":
                told = scope["state"].get(_LIMITS, ())
                headers = [(name.lower().encode(), value.encode()) for name, value in told]
                event["headers"] = [*event["headers"], *headers]
            await send(event)

        await app(scope, receive, send_on)

    return limited


def _given(scope: Mapping[str, Any]) -> bytes:
    return _bearer(scope) or _in_query(scope)


def _bearer(scope: Mapping[str, Any]) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return bytes(value[7:].strip())
    return b""


def _in_query(scope: Mapping[str, Any]) -> bytes:
    query: bytes = scope["query_string"]
    if b"qstash_token=" not in query:
        return b""
    values = parse_qs(query.decode("latin-1"))
    return values.get("qstash_token", [""])[0].encode()


def _refused(_request: Request[Any, Any, Any], error: BrokerError) -> Response[dict[str, str]]:
    text = {"error": str(error)}
    return Response(text, status_code=error.status, headers=dict(error.headers))


def _http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, str]]:
    return Response({"error": error.detail}, status_code=error.status_code)


def _surprise(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    log.error("a request failed", exc_info=error, extra={"path": request.url.path})
    text = "internal error: the broker's log says more"
    return Response({"error": text}, status_code=500)


HANDLERS: dict[int | type[Exception], Callable[..., Response[Any]]] = {
    BrokerError: _refused,
    Malformed: _refused,
    HTTPException: _http,
    Exception: _surprise,
}
"""Which answer each kind of exception gets."""
