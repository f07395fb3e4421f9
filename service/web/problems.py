"""Our errors as RFC 9457 problem details: what, which, and what to do."""

import errno

import structlog
from litestar import Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)

from events.errors import (
    Archived,
    Conflict,
    DocumentGone,
    DocumentUnknown,
    InvalidEvent,
    LogUnavailable,
    Overloaded,
    Refused,
    UnknownEvent,
)
from projections.builds import NotReady
from projections.catalog import ProjectionUnknown
from projections.past import NotReached
from service.moments import NotAMoment, NotYet
from service.storage import BadObjectName, ObjectMissing
from service.web.complaints import complaint
from service.web.described import PROBLEM_JSON
from service.web.requests import WebRequest

log = structlog.get_logger(__name__)

RETRY_AFTER_S = "5"


class Problem(Exception):
    """An answer that is an error; ``detail`` tells which and what to do."""

    def __init__(self, status: int, title: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.extra = extra


class TooLarge(Problem):
    """The body is larger than is accepted here."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            413,
            "Too large",
            f"The body has more than {limit} bytes, the most that is accepted here; send a smaller "
            "one. (For documents the operator can raise WAYBILL_MAX_UPLOAD_BYTES.)",
            limit=limit,
        )


KNOWN: tuple[tuple[type[Exception], int, str], ...] = (
    (NotAMoment, 400, "Not understood"),
    (NotYet, 409, "Not there yet"),
    (Archived, 410, "Archived"),
    (DocumentUnknown, 404, "No such document"),
    (ProjectionUnknown, 404, "No such projection"),
    (DocumentGone, 410, "Erased"),
    (Refused, 409, "Not possible now"),
    (Conflict, 409, "Changed meanwhile"),
    (InvalidEvent, 422, "Not acceptable"),
    (BadObjectName, 422, "Not an object name"),
    (ObjectMissing, 422, "No such object"),
    (Overloaded, 503, "Busy"),
    (UnknownEvent, 503, "The log is newer than this version"),
    (NotReady, 503, "Not there yet"),
    (NotReached, 503, "Not there yet"),
    (LogUnavailable, 503, "The log is not available"),
)
"""Our errors, their status and their title; the first that fits counts."""

MACHINES = frozenset(
    {errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EROFS}
)
"""What the machine may run out of, or lose, and get back."""


def to_response(request: WebRequest, error: Exception) -> Response[dict[str, object]]:
    """The answer for any exception that reaches the edge."""
    if isinstance(error, Problem):
        return problem(error.status, error.title, error.detail, **error.extra)
    if isinstance(error, HTTPException):
        return _from_framework(request, error)
    for kind, status, title in KNOWN:
        if isinstance(error, kind):
            return problem(status, title, str(error), **_more(error))
    if isinstance(error, OSError) and error.errno in MACHINES:
        log.error("the machine failed a request", path=request.url.path, error=str(error))
        return problem(
            503,
            "The machine is in trouble",
            f"the server's system said: {error.strerror}; nothing was accepted, try again later",
        )
    log.exception("a request failed", path=request.url.path, exc_info=error)
    return problem(
        500,
        "Our mistake",
        "Something went wrong here that should not; the server's log has the details.",
    )


def _more(error: Exception) -> dict[str, object]:
    """What a program wants to know besides the text."""
    if isinstance(error, NotReached):
        return {"position": error.reached, "lag": error.position - error.reached}
    return {}


def problem(status: int, title: str, detail: str, **extra: object) -> Response[dict[str, object]]:
    """A problem details answer."""
    headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return Response(body, status_code=status, headers=headers, media_type=PROBLEM_JSON)


def _from_framework(request: WebRequest, error: HTTPException) -> Response[dict[str, object]]:
    titles = {400: "Not understood", 404: "Not found", 405: "Not allowed", 413: "Too large"}
    title = titles.get(error.status_code, "Not accepted")
    answer = problem(error.status_code, title, _detail(request, error))
    answer.headers.update(error.headers or {})
    return answer


def _detail(request: WebRequest, error: HTTPException) -> str:
    path = request.url.path
    match error:
        case ValidationException():
            return complaint(request, error)
        case MethodNotAllowedException():
            allowed = (error.headers or {}).get("allow", "something else")
            return f"{request.method} is not possible on {path!r}; it takes {allowed}."
        case NotFoundException() if error.detail == "Not Found":
            return f"There is nothing at {path!r}; /schema/openapi.json lists what there is."
        case _:
            return error.detail
