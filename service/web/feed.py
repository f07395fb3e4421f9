"""The SSE door: one response class around the hub, and a route for each way to choose documents."""

from collections.abc import AsyncIterator

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from sse_starlette import EventSourceResponse
from starlette.responses import Response as Answer
from starlette.types import Receive, Scope, Send

from projections.reads import EVERYTHING, Selection
from service.feed.client import Subscription
from service.feed.frames import BusyReason
from service.feed.hub import Hub
from service.web.described import PROBLEM_JSON
from service.web.document_views import DocumentId
from service.web.feed_request import (
    Asked,
    Documents,
    Everything,
    Owner,
    OwnerName,
    Wait,
    accepts_events,
    of,
    only,
    provide_asked,
    seconds,
    these,
)
from service.web.feed_words import POLLED, STREAMED
from service.web.problems import problem
from service.web.requests import WebRequest
from service.web.rooms import Rooms

HEADERS = {
    "Cache-Control": "private, no-cache, no-store, no-transform",
    "Content-Type": "text/event-stream; charset=utf-8",
    "Vary": "Origin, Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
}


async def _nothing() -> AsyncIterator[bytes]:
    """The body comes from the hub; sse-starlette's own stays empty."""
    for event in tuple[bytes, ...]():
        yield event


class FeedResponse(EventSourceResponse):
    """A stream that the hub writes: one task, one encoding for all, and beats that carry an id."""

    def __init__(
        self, hub: Hub, subscription: Subscription | None, *, refusal: bytes = b""
    ) -> None:
        super().__init__(_nothing(), headers=HEADERS, ping=0, sep="\n")
        self._hub = hub
        self._subscription = subscription
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a HEAD gets the headers alone."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def write(data: bytes, more: bool) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": more})

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        if self._subscription is None:
            await write(self._refusal, False)
        else:
            await self._hub.attend(self._subscription, write, gone)


@get("/documents/{document_id:str}", summary="Follow one document", opt=STREAMED)
async def feed_of_document(
    request: WebRequest, rooms: Rooms, asked: NamedDependency[Asked], document_id: DocumentId
) -> Answer:
    """Snapshot, then live."""
    only(request)
    return await _stream(request, rooms.hub, asked, these([document_id]))


@get("/", summary="Follow some documents", opt=STREAMED)
async def feed_of_documents(
    request: WebRequest, rooms: Rooms, asked: NamedDependency[Asked], doc: Documents = None
) -> Answer:
    """Snapshot, then live; a document nobody has heard of yet is `unknown`."""
    only(request, "doc")
    return await _stream(request, rooms.hub, asked, these(doc))


@get("/users/{owner:str}", summary="Follow the documents of an owner", opt=STREAMED)
async def feed_of_owner(
    request: WebRequest, rooms: Rooms, asked: NamedDependency[Asked], owner: OwnerName
) -> Answer:
    """Snapshot, then live, new documents included."""
    only(request)
    return await _stream(request, rooms.hub, asked, Selection(owner=owner))


@get("/all", summary="Follow every document", opt=STREAMED)
async def feed_of_everything(
    request: WebRequest, rooms: Rooms, asked: NamedDependency[Asked]
) -> Answer:
    """Snapshot, then live, new documents included."""
    only(request)
    return await _stream(request, rooms.hub, asked, EVERYTHING)


@get("/poll", summary="The feed without a stream", opt=POLLED)
async def poll(
    request: WebRequest,
    rooms: Rooms,
    asked: NamedDependency[Asked],
    doc: Documents = None,
    user: Owner = None,
    everything: Everything = None,
    wait: Wait = None,
) -> Response[bytes]:
    """What changed since the cursor, as JSON; waits for a change if asked to."""
    only(request, "doc", "user", "all", "wait")
    answer = await rooms.hub.poll(of(doc, user, everything), asked.cursor, wait=seconds(wait))
    etag = f'"{answer.cursor}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-store"}
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")


async def _stream(request: WebRequest, hub: Hub, asked: Asked, selection: Selection) -> Answer:
    accepts_events(request)
    subscription = asked.subscription(selection)
    refusal = hub.refusal(asked.address)
    if refusal is not None:
        return _refused(hub, refusal, kit=asked.kit)
    if await hub.nothing_left(subscription):
        return Answer(status_code=204)
    return FeedResponse(hub, subscription)


def _refused(hub: Hub, reason: BusyReason, *, kit: bool) -> Answer:
    if not kit:
        return FeedResponse(hub, None, refusal=hub.busy(reason))
    seconds_to_wait = hub.retry_after()
    told = problem(
        429,
        "Too many streams",
        f"No stream is free now ({reason}); come back in {seconds_to_wait} seconds.",
    )
    return Answer(
        msgspec.json.encode(told.content),
        status_code=429,
        media_type=PROBLEM_JSON,
        headers={"Retry-After": str(seconds_to_wait)},
    )


feed_routes = [
    Router(
        path="/v1/feed",
        route_handlers=[
            feed_of_document,
            feed_of_documents,
            feed_of_owner,
            feed_of_everything,
            poll,
        ],
        dependencies={"asked": Provide(provide_asked)},
        tags=["feed"],
    )
]
