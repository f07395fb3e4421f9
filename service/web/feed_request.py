"""What a request to the feed asks for; a parameter that we do not know is refused."""

from dataclasses import dataclass
from typing import Annotated

from litestar.params import HeaderParameter, PathParameter, QueryParameter

from projections.reads import Selection
from service.feed.client import Subscription
from service.web.problems import Problem
from service.web.requests import WebRequest

MOST_DOCUMENTS = 100
LONGEST_ID = 200
LONGEST_WAIT = 30.0
CURSOR_NAMES = ("last_event_id", "lastEventId", "lastEventID", "Last-Event-ID")
CREDENTIALS = frozenset({"token", "access_token", "authorization"})
COMMON = frozenset({*CURSOR_NAMES, "mode", "until"})

Documents = Annotated[
    list[str] | None,
    QueryParameter(
        name="doc",
        description=f"A document's id; 1 to {MOST_DOCUMENTS} of them.",
    ),
]
Owner = Annotated[
    str | None, QueryParameter(name="user", description="All documents of this owner.")
]
OwnerName = Annotated[str, PathParameter(description="Whose documents.")]
Everything = Annotated[
    str | None,
    QueryParameter(
        name="all", description="`true`: all documents.", schema_extra={"enum": ["true"]}
    ),
]
Wait = Annotated[
    str | None,
    QueryParameter(
        name="wait",
        description=f"Seconds to wait for a change, at most {LONGEST_WAIT:g}.",
        schema_extra={"type": "number", "minimum": 0, "maximum": LONGEST_WAIT},
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all requests to the feed have in common."""

    cursor: str | None
    until_done: bool
    address: str
    kit: bool
    """Whether the client reads status codes; an ``EventSource`` gives up at anything but 200."""

    def subscription(self, selection: Selection) -> Subscription:
        """The stream that is asked for."""
        if self.until_done and selection.documents is None:
            raise _not_understood(
                "until=done waits for documents that are named; name them with doc=ID"
            )
        return Subscription(
            selection=selection,
            cursor=self.cursor,
            until_done=self.until_done,
            address=self.address,
        )


async def provide_asked(
    request: WebRequest,
    last_event_id: Annotated[
        str | None,
        QueryParameter(
            name="last_event_id",
            description="The cursor to go on from; the header Last-Event-ID wins over it.",
        ),
    ] = None,
    mode: Annotated[
        str | None,
        QueryParameter(
            name="mode",
            description="`state`: the newest state, conflated.",
            schema_extra={"enum": ["state"]},
        ),
    ] = None,
    until: Annotated[
        str | None,
        QueryParameter(
            name="until",
            description="`done`: end when all named documents are final.",
            schema_extra={"enum": ["done"]},
        ),
    ] = None,
    returning: Annotated[
        str | None,
        HeaderParameter(
            name="Last-Event-ID",
            description="The cursor to go on from, as an `EventSource` sends it by itself.",
        ),
    ] = None,
    kit: Annotated[
        str | None,
        HeaderParameter(
            name="Feed-Client",
            description="Any value: this client reads status codes, and may be refused with a 429.",
        ),
    ] = None,
) -> Asked:
    """The common part of a request to the feed; raises a 400 that says what is wrong."""
    if mode not in (None, "state"):
        raise _not_understood(f"only mode=state is served, not mode={mode}; leave mode out")
    if until not in (None, "done"):
        raise _not_understood(f"until can only be 'done', not {until!r}; leave it out to go on")
    given = [request.query_params.get(name) for name in CURSOR_NAMES]
    cursor = returning or last_event_id or next(filter(None, given), "")
    return Asked(
        cursor=cursor or None,
        until_done=until == "done",
        address=request.client.host if request.client else "",
        kit=kit is not None,
    )


def only(request: WebRequest, *more: str) -> None:
    """Raise a 400 for a query parameter that is none of the common ones and none of these."""
    for name in request.query_params:
        if name.lower() in CREDENTIALS:
            raise _not_understood(
                "a token does not belong into an address, which ends in log files; "
                "send it as 'Authorization: Bearer TOKEN'"
            )
        if name not in COMMON and name not in more:
            known = ", ".join(sorted({*more, "last_event_id", "mode", "until"}))
            raise _not_understood(f"there is no parameter {name!r} here; there are: {known}")


def these(ids: list[str] | None) -> Selection:
    """The documents of these ids."""
    wanted = frozenset(ids or ())
    if not 1 <= len(wanted) <= MOST_DOCUMENTS:
        raise _not_understood(
            f"name 1 to {MOST_DOCUMENTS} documents with doc=ID, not {len(wanted)}; "
            "for more follow a user, or everything"
        )
    if not all(0 < len(one) <= LONGEST_ID for one in wanted):
        raise _not_understood(f"a document's id has 1 to {LONGEST_ID} characters")
    return Selection(documents=wanted)


def of(ids: list[str] | None, owner: str | None, everything: str | None) -> Selection:
    """The one selection that these parameters make."""
    if sum((bool(ids), bool(owner), everything is not None)) != 1:
        raise _not_understood("choose one of doc=ID, user=OWNER and all=true")
    if ids:
        return these(ids)
    if owner:
        return Selection(owner=owner)
    if everything != "true":
        raise _not_understood(f"all can only be 'true', not {everything!r}")
    return Selection()


def seconds(wait: str | None) -> float:
    """How long a poll may wait."""
    try:
        parsed = 0.0 if wait is None else float(wait)
    except ValueError:
        parsed = -1.0
    if not 0 <= parsed <= LONGEST_WAIT:
        raise _not_understood(f"wait is 0 to {LONGEST_WAIT:g} seconds, not {wait!r}")
    return parsed


def accepts_events(request: WebRequest) -> None:
    """Raise a 406 for whoever does not want a stream of events."""
    accepted = request.headers.get("accept", "*/*")
    if not any(kind in accepted for kind in ("text/event-stream", "text/*", "*/*")):
        raise Problem(
            406,
            "Not acceptable",
            "This is a stream of events: accept text/event-stream, or use /v1/feed/poll.",
        )


def _not_understood(detail: str) -> Problem:
    return Problem(400, "Not understood", detail[0].upper() + detail[1:] + ".")
