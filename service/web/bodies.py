"""Request bodies with a limit that is kept before anything is read beyond it."""

from service.web.problems import Problem, TooLarge
from service.web.requests import WebRequest


async def read_body(request: WebRequest, *, limit: int) -> bytes:
    """The whole body, at most ``limit`` bytes; raises ``TooLarge``."""
    refuse_declared(request, limit=limit)
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        # Not the request's own stream, which asks the route for a limit of its own.
        event = await request.receive()
        if event["type"] != "http.request":
            raise Problem(400, "Not complete", "The body did not arrive whole. Send it again.")
        size += len(event["body"])
        if size > limit:
            raise TooLarge(limit)
        parts.append(event["body"])
        more = event["more_body"]
    return parts[0] if len(parts) == 1 else b"".join(parts)


def refuse_declared(request: WebRequest, *, limit: int) -> None:
    """Refuse a body that says itself that it is too large; raises ``TooLarge``."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(limit)
