"""Who may use the API: whoever has the token, or anybody on this machine if there is none."""

import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from service.web.problems import Problem


class TokenGuard:
    """A Litestar guard: closed as soon as a token is set."""

    def __init__(self, token: str | None) -> None:
        self._token = token.encode() if token else None

    def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
    ) -> None:
        """Raise a 401 unless the request carries the token."""
        if self._token is None:
            return
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token):
            return
        raise Problem(
            401,
            "Not signed in",
            "This server wants a token: send it as 'Authorization: Bearer TOKEN' "
            "(its operator knows it as WAYBILL_API_TOKEN).",
        )
