"""What an upload takes and answers: its types, limits, and the words of the served description."""

from typing import Annotated

import msgspec
from litestar.params import HeaderParameter, QueryParameter

from projections.views import DocumentView
from service.uploads import NAME_LIMIT, OWNER_LIMIT
from service.web import examples
from service.web.described import (
    BUSY,
    GONE,
    Answer,
    Content,
    described,
    json_of,
    problem_answer,
    too_large,
)

OWN_ID = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
KEY = "^[!-~]{1,255}$"
DEFAULT_LIMIT = 100 << 20

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        pattern=KEY,
        title="1 to 255 visible ASCII characters without spaces, such as a UUID",
        description="Makes a repeated upload safe: the same key of the same owner is the same "
        "document, and with other content it is refused.",
    ),
]
Name = Annotated[
    str | None, QueryParameter(description="The file's name; unset, the one that a form gives.")
]
Owner = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=OWNER_LIMIT,
        description="Whose document it is; `default` if unset.",
    ),
]
Processor = Annotated[
    str | None,
    QueryParameter(description="Which processor reads it; the server's own choice if unset."),
]


class AcceptedView(msgspec.Struct, frozen=True):
    """The accepted document, and the log position that tells of it."""

    document: DocumentView
    position: int


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document that lies in the object store already, at ``path``.

    What is not said here counts as in the address: ``owner``, ``name``, ``processor``.
    """

    path: str
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=OWNER_LIMIT)] | None = None
    content_type: str = "application/pdf"
    id: Annotated[str, msgspec.Meta(pattern=OWN_ID)] | None = None
    name: str | None = None
    processor: str | None = None


FORM = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "The one file; the part may have any name, but needs a `filename`.",
        },
        "owner": {"type": "string", "maxLength": OWNER_LIMIT},
        "name": {"type": "string", "description": f"Cut to {NAME_LIMIT} characters."},
        "processor": {"type": "string"},
    },
}
BINARY = {"type": "string", "format": "binary"}

UPLOADED = described(
    Answer(
        202,
        "Accepted, or accepted earlier under this key; it is queued and read in the background.",
        (json_of(AcceptedView, examples.ACCEPTED),),
        ("Location",),
    ),
    problem_answer(
        400,
        "A parameter or the body is not understood, or the body did not arrive whole.",
        title="Not understood",
        detail="The form field 'user' is not known; there are owner, name, processor.",
    ),
    problem_answer(
        409,
        "The key (or the id) belongs to a document with other content.",
        title="Not possible now",
        detail=f"document {examples.DOCUMENT_ID} was registered with other content; "
        "use a new idempotency key (or id) for a new document",
    ),
    GONE,
    too_large("The document is larger than this server accepts; nothing was kept.", DEFAULT_LIMIT),
    problem_answer(
        415,
        "The body is declared as `application/x-www-form-urlencoded`, as curl's `-d` does.",
        title="Not a document",
        detail="The body is declared as a web form. Send the file itself with "
        "'Content-Type: application/pdf', or as multipart/form-data (curl: -F file=@file.pdf).",
    ),
    problem_answer(
        422,
        "It is understood but cannot be: no such object, processor, or owner.",
        title="Not acceptable",
        detail="there is no processor 'ocr'; this server has none, pdf-text",
    ),
    BUSY,
    bodies=(
        Content("application/pdf", BINARY),
        Content("application/octet-stream", BINARY),
        Content("multipart/form-data", FORM),
        json_of(Reference, {"path": "incoming/report.pdf", "owner": "ada"}),
    ),
    body_meaning="The document itself, a form with one file, or a reference to a stored object.",
)
