"""Who may use the API: whoever has the token, or anybody on this machine if there is none.

Looked at before each request and not by Litestar's guards: those copy the route for every guard and
every request.
"""

import hmac

from service.web.parameters import known_only
from service.web.problems import Problem
from service.web.requests import WebRequest


class Gate:
    """Closed as soon as a token is set; each method is a ``before_request`` hook."""

    def __init__(self, token: str | None) -> None:
        self._token = token.encode() if token else None

    async def strict(self, request: WebRequest) -> None:
        """Want the token, and no query parameter that the route does not know."""
        await self.token_only(request)
        known_only(request, request.route_handler)

    async def token_only(self, request: WebRequest) -> None:
        """Raise a 401 unless the request carries the token."""
        if self._token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token):
            return
        raise Problem(
            401,
            "Not signed in",
            "This server wants a token: send it as 'Authorization: Bearer TOKEN' "
            "(its operator knows it as WAYBILL_API_TOKEN).",
        )
