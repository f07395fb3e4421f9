"""A document's routes: list, look, history, text, retry, cancel."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import Parameter
from litestar.response import Stream

from events.codec import encode
from events.document.decisions import known
from events.document.state import Status
from events.errors import DocumentUnknown
from events.store import Recorded
from projections.documents import Documents as DocumentRows
from projections.documents import Tracked
from projections.lookups import Lookups
from projections.sentences import sentence
from projections.views import DocumentView, instant, view
from service.attempts import Attempts
from service.documents import Documents
from service.feed.hub import Hub
from service.web.bodies import read_body
from service.web.injected import Storage
from service.web.problems import Problem
from service.web.texts import page_text, whole_text

MAX_JSON_BYTES = 16 * 1024
MAX_PAGE = 500
REASON_LIMIT = 500

WebRequest = Request[Any, Any, Any]


class PageView(msgspec.Struct, frozen=True):
    """Documents, the newest first; ``next`` is the cursor of the following page."""

    documents: list[DocumentView]
    next: str | None
    position: int


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a document's history; ``text`` says it in a sentence."""

    position: int
    stream: str
    version: int
    type: str
    occurred_at: str
    recorded_at: str
    data: msgspec.Raw
    text: str


class HistoryView(msgspec.Struct, frozen=True):
    """A document's whole history, the oldest event first."""

    document_id: str
    events: list[EventView]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asked for a change, and why; kept in the history."""

    reason: str = ""
    by: str = "api"


_ASKED = msgspec.json.Decoder(Asked)


@get("/v1/documents", summary="List documents", tags=["documents"])
async def list_documents(
    lookups: Lookups,
    hub: Hub,
    status: Annotated[
        list[Status] | None, Parameter(description="Only these; may be repeated.")
    ] = None,
    owner: Annotated[str | None, Parameter(description="Only this owner's.")] = None,
    limit: Annotated[int, Parameter(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Parameter(description="The `next` of the page before.")] = None,
    min_position: Annotated[int, Parameter(ge=0, description="Wait for this position.")] = 0,
) -> Response[PageView]:
    """Documents, the newest first. ``Feed-Cursor`` is where the live feed goes on from."""
    await _reach(lookups, min_position)
    position, found = await lookups.page(
        limit=limit,
        before=_before(cursor),
        status=[one.value for one in status or ()],
        owner=owner,
    )
    following = str(found[-1].first_position) if len(found) == limit else None
    return Response(
        PageView([view(one) for one in found], following, position),
        headers={"Feed-Cursor": await hub.cursor_at(position)},
    )


@get("/v1/documents/{document_id:str}", summary="Look at a document", tags=["documents"])
async def get_document(
    document_id: str,
    lookups: Lookups,
    documents: Documents,
    hub: Hub,
    min_position: Annotated[int, Parameter(ge=0, description="Wait for this position.")] = 0,
) -> Response[DocumentView]:
    """The document's state, both axes of it."""
    await _reach(lookups, min_position)
    tracked = await lookups.document(document_id) or await _just_now(documents, document_id)
    return Response(view(tracked), headers={"Feed-Cursor": await hub.cursor_at(tracked.position)})


@get("/v1/documents/{document_id:str}/events", summary="A document's history", tags=["documents"])
async def get_events(
    document_id: str, documents: Documents, request: WebRequest
) -> Response[HistoryView] | Response[str]:
    """Everything that happened to the document, as JSON, or with ``Accept: text/plain`` as text."""
    recorded = await documents.history(document_id)
    if not recorded:
        raise DocumentUnknown(document_id)
    if "text/plain" in request.headers.get("accept", ""):
        lines = [f"{instant(event.recorded_at)}  {sentence(event.fact)}\n" for event in recorded]
        return Response("".join(lines), media_type="text/plain; charset=utf-8")
    return Response(HistoryView(document_id, [_event(event) for event in recorded]))


@get(
    "/v1/documents/{document_id:str}/text",
    summary="A document's text",
    media_type="text/plain",
    tags=["documents"],
)
async def get_text(
    document_id: str,
    documents: Documents,
    storage: Storage,
    page: Annotated[int | None, Parameter(ge=1, description="Only this page, from 1.")] = None,
) -> Stream | Response[str]:
    """The extracted text: whole, with a form feed between pages, or one page."""
    document = known((await documents.load(document_id))[1], document_id)
    if document.status is not Status.SUCCEEDED:
        raise Problem(
            409, "Not there yet", f"Document {document_id} is {document.status}, not succeeded."
        )
    if document.result_ref is None:
        return Response("", media_type="text/plain; charset=utf-8")
    if page is None:
        text = whole_text(storage, document.result_ref)
        return Stream(text, media_type="text/plain; charset=utf-8")
    found = await page_text(storage, document.result_ref, page)
    if found is None:
        raise Problem(
            404, "No such page", f"Document {document_id} has {document.pages} pages, not {page}."
        )
    return Response(found, media_type="text/plain; charset=utf-8")


@post(
    "/v1/documents/{document_id:str}/retry",
    status_code=202,
    summary="Run a document again",
    tags=["documents"],
)
async def retry(
    document_id: str, documents: Documents, request: WebRequest
) -> Response[DocumentView]:
    """Start another run of a document that has ended."""
    asked = await _asked(request)
    await documents.retry(document_id, by=asked.by, reason=asked.reason)
    return Response(view(await _just_now(documents, document_id)), status_code=202)


@post(
    "/v1/documents/{document_id:str}/cancel",
    status_code=202,
    summary="Cancel a document",
    tags=["documents"],
)
async def cancel(
    document_id: str, documents: Documents, attempts: Attempts, request: WebRequest
) -> Response[DocumentView]:
    """Stop a document, at once or as soon as its running attempt lets go."""
    asked = await _asked(request)
    await documents.cancel(document_id, by=asked.by, reason=asked.reason)
    attempts.interrupt(document_id)
    return Response(view(await _just_now(documents, document_id)), status_code=202)


async def _asked(request: WebRequest) -> Asked:
    body = await read_body(request, limit=MAX_JSON_BYTES)
    try:
        asked = _ASKED.decode(body) if body.strip() else Asked()
    except msgspec.MsgspecError as error:
        raise Problem(400, "Not understood", f"The body cannot be read: {error}.") from error
    if len(asked.reason) > REASON_LIMIT or len(asked.by) > REASON_LIMIT:
        raise Problem(
            400, "Not understood", f"'reason' and 'by' take at most {REASON_LIMIT} characters."
        )
    return asked


async def _just_now(documents: Documents, document_id: str) -> Tracked:
    """The document as the log tells it, for whoever cannot wait for the tables."""
    rows = DocumentRows()
    tracked: Tracked | None = None
    for event in await documents.history(document_id):
        tracked = rows.fold(tracked, event)
    if tracked is None:
        raise DocumentUnknown(document_id)
    return tracked


async def _reach(lookups: Lookups, position: int) -> None:
    if position and not await lookups.reach(position):
        raise Problem(
            503, "Not there yet", f"The tables do not tell of position {position} yet; try again."
        )


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdigit() or len(cursor) > 18:
        raise Problem(400, "Not understood", "The cursor is not one of ours; start without it.")
    return int(cursor)


def _event(recorded: Recorded) -> EventView:
    return EventView(
        position=recorded.position,
        stream=recorded.stream,
        version=recorded.version,
        type=recorded.type,
        occurred_at=instant(recorded.occurred_at),
        recorded_at=instant(recorded.recorded_at),
        data=msgspec.Raw(encode(recorded.fact).data),
        text=sentence(recorded.fact),
    )
