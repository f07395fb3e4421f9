"""A document's routes: list, look, history, text, retry, cancel, erase."""

from typing import Annotated, TypedDict

import msgspec
from litestar import HttpMethod, Response, delete, get, post, route
from litestar.params import QueryParameter
from litestar.response import Stream

from events.document.decisions import known, present
from events.document.state import Status
from events.errors import DocumentUnknown
from projections.documents import Documents as DocumentRows
from projections.documents import Tracked
from projections.sentences import sentence
from projections.views import DocumentView, instant, view
from service.documents import Documents
from service.web.bodies import read_body
from service.web.document_views import (
    Asked,
    DocumentId,
    HistoryView,
    PageView,
    event_view,
    page_view,
)
from service.web.document_words import (
    CANCELLED,
    ERASED,
    HISTORY,
    LISTED,
    LOOKED_AT,
    MAX_ASKED_BYTES,
    RETRIED,
    TEXT,
)
from service.web.moments import AsOf, MinPosition, Then, asked, reach
from service.web.problems import Problem
from service.web.requests import WebRequest
from service.web.rooms import Rooms
from service.web.texts import check_that_it_is_kept, no_text, page_text, whole_text

MAX_PAGE = 500
MOST_PAGES = 1_000_000


class Wanted(TypedDict):
    """Which documents a list is of."""

    limit: int
    before: int | None
    status: list[str]
    owner: str | None


_ASKED = msgspec.json.Decoder(Asked)


@get(
    "/v1/documents",
    summary="List documents",
    tags=["documents"],
    opt=LISTED,
)
async def list_documents(
    rooms: Rooms,
    status: Annotated[
        list[Status] | None, QueryParameter(description="Only these; may be repeated.")
    ] = None,
    owner: Annotated[str | None, QueryParameter(description="Only this owner's.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="How many at most.")] = 50,
    cursor: Annotated[
        str | None,
        QueryParameter(
            pattern="^[0-9]{1,18}$",
            title="the next of the page before",
            description="The `next` of the page before.",
        ),
    ] = None,
    min_position: MinPosition = 0,
    as_of: AsOf = None,
) -> Response[PageView]:
    """Documents, the newest first. ``Feed-Cursor`` is where the live feed goes on from.

    A page of the past may be short and yet have a ``next``.
    """
    await reach(min_position, rooms)
    wanted: Wanted = {
        "limit": limit,
        "before": None if cursor is None else int(cursor),
        "status": [one.value for one in status or ()],
        "owner": owner,
    }
    if then := await asked(as_of, rooms):
        page = await rooms.past.page(at=then.position, **wanted)
    else:
        page = await rooms.lookups.page(**wanted)
    return Response(
        page_view(page), headers={"Feed-Cursor": await rooms.hub.cursor_at(page.position)}
    )


@get(
    "/v1/documents/{document_id:str}",
    summary="Look at a document",
    tags=["documents"],
    opt=LOOKED_AT,
)
async def get_document(
    document_id: DocumentId, rooms: Rooms, min_position: MinPosition = 0, as_of: AsOf = None
) -> Response[DocumentView]:
    """The document's state, both axes of it."""
    await reach(min_position, rooms)
    if then := await asked(as_of, rooms):
        tracked = await rooms.past.document(document_id, at=then.position)
        if tracked is None:
            await _just_now(rooms.documents, document_id)  # says so if nobody ever knew it
            raise _not_there_then(document_id, then)
    else:
        tracked = await rooms.lookups.document(document_id) or await _just_now(
            rooms.documents, document_id
        )
    return Response(
        view(tracked), headers={"Feed-Cursor": await rooms.hub.cursor_at(tracked.position)}
    )


@get(
    "/v1/documents/{document_id:str}/events",
    summary="A document's history",
    tags=["documents"],
    opt=HISTORY,
)
async def get_events(
    document_id: DocumentId, rooms: Rooms, request: WebRequest, as_of: AsOf = None
) -> Response[HistoryView] | Response[str]:
    """Everything that happened to the document, as JSON, or with ``Accept: text/plain`` as text."""
    recorded = await rooms.documents.history(document_id)
    if not recorded:
        raise DocumentUnknown(document_id)
    if then := await asked(as_of, rooms):
        recorded = [event for event in recorded if event.position <= then.position]
        if not recorded:
            raise _not_there_then(document_id, then)
    if "text/plain" in request.headers.get("accept", ""):
        lines = [f"{instant(event.recorded_at)}  {sentence(event.fact)}\n" for event in recorded]
        return Response("".join(lines), media_type="text/plain; charset=utf-8")
    return Response(HistoryView(document_id, [event_view(event) for event in recorded]))


@get(
    "/v1/documents/{document_id:str}/text",
    summary="A document's text",
    media_type="text/plain",
    tags=["documents"],
    opt=TEXT,
)
async def get_text(
    document_id: DocumentId,
    rooms: Rooms,
    page: Annotated[
        int | None, QueryParameter(ge=1, le=MOST_PAGES, description="Only this page, from 1.")
    ] = None,
) -> Stream | Response[str]:
    """The extracted text: whole, with a form feed between pages, or one page."""
    document = present(known((await rooms.documents.load(document_id))[1], document_id))
    if document.status is not Status.SUCCEEDED:
        raise no_text(document_id, document.status)
    if document.result_ref is None:
        return Response("", media_type="text/plain; charset=utf-8")
    await check_that_it_is_kept(rooms.storage, document_id, document.result_ref)
    if page is None:
        text = whole_text(rooms.storage, document.result_ref)
        return Stream(text, media_type="text/plain; charset=utf-8")
    found = await page_text(rooms.storage, document.result_ref, page)
    if found is None:
        raise Problem(
            404,
            "No such page",
            f"Document {document_id} has {document.pages} pages; there is no page {page}.",
        )
    return Response(found, media_type="text/plain; charset=utf-8")


@post(
    "/v1/documents/{document_id:str}/retry",
    status_code=202,
    summary="Run a document again",
    tags=["documents"],
    opt=RETRIED,
)
async def retry(
    document_id: DocumentId, rooms: Rooms, request: WebRequest
) -> Response[DocumentView]:
    """Start another run of a document that has ended."""
    asked = await _asked(request)
    await rooms.documents.retry(document_id, by=asked.by, reason=asked.reason)
    return Response(view(await _just_now(rooms.documents, document_id)), status_code=202)


@post(
    "/v1/documents/{document_id:str}/cancel",
    status_code=202,
    summary="Cancel a document",
    tags=["documents"],
    opt=CANCELLED,
)
async def cancel(
    document_id: DocumentId, rooms: Rooms, request: WebRequest
) -> Response[DocumentView]:
    """Stop a document, at once or as soon as its running attempt lets go."""
    asked = await _asked(request)
    await rooms.documents.cancel(document_id, by=asked.by, reason=asked.reason)
    rooms.attempts.interrupt(document_id)
    return Response(view(await _just_now(rooms.documents, document_id)), status_code=202)


@delete(
    "/v1/documents/{document_id:str}",
    status_code=202,
    summary="Erase a document",
    tags=["documents"],
    opt=ERASED,
)
async def erase(
    document_id: DocumentId, rooms: Rooms, request: WebRequest
) -> Response[DocumentView]:
    """Erase what a document that has ended held: its bytes, its text, and who and what it named."""
    asked = await _asked(request)
    await rooms.documents.erase(document_id, by=asked.by, reason=asked.reason)
    return Response(view(await _just_now(rooms.documents, document_id)), status_code=202)


@route(
    "/v1/documents/{document_id:str}",
    http_method=HttpMethod.OPTIONS,
    status_code=204,
    include_in_schema=False,
)
async def document_methods(document_id: DocumentId) -> Response[None]:
    """What the path takes; the framework's own answer names only one of its methods."""
    return Response(None, status_code=204, headers={"Allow": "DELETE, GET, OPTIONS"})


async def _asked(request: WebRequest) -> Asked:
    body = await read_body(request, limit=MAX_ASKED_BYTES)
    try:
        asked = _ASKED.decode(body) if body.strip() else Asked()
    except msgspec.MsgspecError as error:
        raise Problem(
            400,
            "Not understood",
            f"The body cannot be read: {error}. Send nothing, or JSON such as "
            '{"by": "ada", "reason": "the scan was replaced"}.',
        ) from error
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


def _not_there_then(document_id: str, then: Then) -> Problem:
    return Problem(
        404,
        "No such document",
        f"Document {document_id} was not there yet at position {then.position}.",
    )
