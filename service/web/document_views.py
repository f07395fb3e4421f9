"""What the document routes take and give, as types: parameters, bodies, answers."""

from typing import Annotated

import msgspec
from litestar.openapi.spec import Example
from litestar.params import PathParameter

from events.codec import encode
from events.document.facts import DocumentEvent
from events.store import Recorded, Unreadable
from projections.lookups import Page
from projections.sentences import sentence
from projections.views import DocumentView, instant, view
from service.web.examples import DOCUMENT_ID

REASON_LIMIT = 500

DocumentId = Annotated[
    str,
    PathParameter(description="The document's id.", examples=[Example(value=DOCUMENT_ID)]),
]


class PageView(msgspec.Struct, frozen=True):
    """Documents, the newest first; ``next`` is the cursor of the page that follows, if one does."""

    documents: list[DocumentView]
    next: str | None
    position: int


def page_view(page: Page) -> PageView:
    """A page as it is sent."""
    following = None if page.before is None else str(page.before)
    return PageView([view(one) for one in page.documents], following, page.position)


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a document's history; ``text`` says it in a sentence."""

    position: int
    stream: str
    version: int
    type: str
    occurred_at: str
    recorded_at: str
    data: Annotated[
        msgspec.Raw,
        msgspec.Meta(
            description="The event's own fields, by its `type`.",
            extra_json_schema={"type": "object"},
        ),
    ]
    text: str


class HistoryView(msgspec.Struct, frozen=True):
    """A document's whole history, the oldest event first."""

    document_id: str
    events: list[EventView]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asked for a change, and why; kept in the history."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = ""
    by: Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)] = "api"


def event_view(recorded: Recorded) -> EventView:
    """The public form of an event."""
    return EventView(
        position=recorded.position,
        stream=recorded.stream,
        version=recorded.version,
        type=recorded.type,
        occurred_at=instant(recorded.occurred_at),
        recorded_at=instant(recorded.recorded_at),
        data=msgspec.Raw(_content(recorded.fact)),
        text=sentence(recorded.fact),
    )


def _content(fact: DocumentEvent | Unreadable) -> bytes:
    return b"{}" if isinstance(fact, Unreadable) else encode(fact).data
