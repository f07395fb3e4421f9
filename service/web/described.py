"""What a route says of itself beyond its signature: the bodies it takes and every answer it gives.

A route carries it in its ``opt``; ``openapi.py`` makes the served description of it. What holds for
all guarded routes (400, 401) is added there and need not be said again.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

KEY = "described"
"""The name under which a route's ``opt`` holds its ``Described``."""
GUARDED = "guarded"
"""The name under which a router's ``opt`` says that its routes may want the token."""

POSITION_OR_TIME = "position-or-time"
"""Marks a parameter that takes either; the description tells both."""

PROBLEM_JSON = "application/problem+json"
EVENT_STREAM = "text/event-stream"
PLAIN_TEXT = "text/plain"

HeaderName = Literal["Location", "Feed-Cursor", "Retry-After", "WWW-Authenticate", "ETag"]
JsonSchema = Mapping[str, Any]


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """An error as RFC 9457 problem details: what, which, and what to do."""

    type: str
    title: str
    status: int
    detail: str


class Content(msgspec.Struct, frozen=True):
    """One way a body may look; ``shape`` is a type of ours or a JSON schema."""

    media_type: str
    shape: Any
    example: object = msgspec.UNSET


class Answer(msgspec.Struct, frozen=True):
    """One status, what it means here, and what comes with it."""

    status: int
    meaning: str
    contents: tuple[Content, ...] = ()
    headers: tuple[HeaderName, ...] = ()


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    answers: tuple[Answer, ...]
    bodies: tuple[Content, ...] = ()
    body_required: bool = True
    body_meaning: str = ""


def described(
    *answers: Answer,
    bodies: tuple[Content, ...] = (),
    body_required: bool = True,
    body_meaning: str = "",
) -> dict[str, Any]:
    """The ``opt`` of a route."""
    return {
        KEY: Described(
            answers=answers,
            bodies=bodies,
            body_required=body_required,
            body_meaning=body_meaning,
        )
    }


def json_of(shape: Any, example: object = msgspec.UNSET) -> Content:
    """A JSON body."""
    return Content("application/json", shape, example)


def text(example: str, media_type: str = PLAIN_TEXT) -> Content:
    """A body of text."""
    return Content(media_type, {"type": "string"}, example)


def problem_answer(status: int, meaning: str, *, title: str, detail: str) -> Answer:
    """An error that can happen, with what it says in a typical case."""
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers: dict[int, tuple[HeaderName, ...]] = {
        401: ("WWW-Authenticate",),
        429: ("Retry-After",),
        503: ("Retry-After",),
    }
    return Answer(
        status,
        meaning,
        (Content(PROBLEM_JSON, ProblemView, example),),
        headers.get(status, ()),
    )


NOT_UNDERSTOOD = problem_answer(
    400,
    "A parameter or the body is not understood; the detail names it.",
    title="Not understood",
    detail="The query parameter 'limit' is '0'; it takes a whole number from 1 to 500.",
)
NOT_SIGNED_IN = problem_answer(
    401,
    "The server wants a token, and this request has none or a wrong one.",
    title="Not signed in",
    detail="This server wants a token: send it as 'Authorization: Bearer TOKEN' "
    "(its operator knows it as WAYBILL_API_TOKEN).",
)
NO_DOCUMENT = problem_answer(
    404,
    "There is no such document.",
    title="No such document",
    detail="document 'doc_0' is not known; check the id",
)
GONE = problem_answer(
    410,
    "What the document held was erased.",
    title="Erased",
    detail="document 'doc_0' was erased; upload it anew under another id or "
    "idempotency key (waybill upload --again)",
)
BUSY = problem_answer(
    503,
    "Not now: the log cannot be reached, too much is waiting, or the tables are not that far yet.",
    title="Busy",
    detail="4096 appends are waiting already; try again in a few seconds",
)


def too_large(meaning: str, limit: int) -> Answer:
    """A body beyond its limit."""
    return problem_answer(
        413,
        meaning,
        title="Too large",
        detail=f"The body has more than {limit} bytes, the most that is accepted here.",
    )
