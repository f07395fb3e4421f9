"""What the document routes answer, and when: the words of the served description."""

from typing import Any

from projections.views import DocumentView
from service.web import examples
from service.web.described import (
    BUSY,
    GONE,
    NO_DOCUMENT,
    Answer,
    described,
    json_of,
    problem_answer,
    text,
    too_large,
)
from service.web.document_views import Asked, HistoryView, PageView
from service.web.moments import ARCHIVED, NO_POSITION

MAX_ASKED_BYTES = 16 * 1024


def _changes(meaning: str, example: object, refusal: str, *others: Answer) -> dict[str, Any]:
    """What ``retry``, ``cancel`` and ``erase`` have in common."""
    return described(
        Answer(202, meaning, (json_of(DocumentView, example),)),
        NO_DOCUMENT,
        *others,
        problem_answer(
            409,
            "The document's state does not allow it, or changed too often meanwhile.",
            title="Not possible now",
            detail=f"document {examples.DOCUMENT_ID} is {refusal}",
        ),
        too_large("The body is larger than a reason needs.", MAX_ASKED_BYTES),
        BUSY,
        bodies=(json_of(Asked, {"by": "ada", "reason": "the scan was replaced"}),),
        body_required=False,
        body_meaning="Who asks, and why; kept in the history.",
    )


LISTED = described(
    Answer(200, "A page of them.", (json_of(PageView, examples.PAGE),), ("Feed-Cursor",)),
    NO_POSITION,
    ARCHIVED,
    BUSY,
)
LOOKED_AT = described(
    Answer(
        200,
        "Its state now, or as it was.",
        (json_of(DocumentView, examples.PROCESSING),),
        ("Feed-Cursor",),
    ),
    NO_DOCUMENT,
    NO_POSITION,
    ARCHIVED,
    BUSY,
)
HISTORY = described(
    Answer(
        200,
        "Every event, the oldest first.",
        (json_of(HistoryView, examples.HISTORY), text(examples.HISTORY_TEXT)),
    ),
    NO_DOCUMENT,
    NO_POSITION,
    ARCHIVED,
    BUSY,
)
TEXT = described(
    Answer(200, "The text, in UTF-8.", (text("Annual report\nThe year began quietly.\n"),)),
    problem_answer(
        404,
        "There is no such document, or it has no such page.",
        title="No such page",
        detail=f"Document {examples.DOCUMENT_ID} has 40 pages; there is no page 41.",
    ),
    problem_answer(
        409,
        "The document has not succeeded (yet).",
        title="Not there yet",
        detail=f"Document {examples.DOCUMENT_ID} is processing; its text is there once it has "
        "succeeded.",
    ),
    GONE,
    BUSY,
)
RETRIED = _changes(
    "Another run has begun.",
    examples.RUN_AGAIN,
    "queued; only one that has ended (succeeded, failed or cancelled) can be retried",
    GONE,
)
CANCELLED = _changes(
    "It is cancelled, or will be: see `cancel_requested`.",
    examples.CANCELLED,
    "succeeded already; there is nothing to cancel",
)
ERASED = _changes(
    "It is erased for everybody; `erasure` is `complete` once nothing is left of what it held.",
    examples.ERASED,
    "processing; cancel it first, then erase it",
)
