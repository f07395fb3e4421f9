"""How a document comes in: a raw body, a form with one file, or a reference to a stored object."""

import msgspec
from litestar import Response, post
from multipart import MultipartSegment, parse_options_header  # type: ignore[import-untyped] # no types

from events.errors import LogUnavailable, Refused
from projections.documents import Documents as DocumentRows
from projections.documents import Tracked
from projections.views import view
from service.uploads import Accepted, Held, Offer, Uploads
from service.web.bodies import read_body, refuse_declared
from service.web.incoming import Form, raw_chunks
from service.web.problems import Problem
from service.web.requests import WebRequest
from service.web.rooms import Rooms
from service.web.upload_words import (
    UPLOADED,
    AcceptedView,
    IdempotencyKey,
    Name,
    Owner,
    Processor,
    Reference,
)

MAX_JSON_BYTES = 64 * 1024
FORM_BYTES = 64 * 1024
"""What a form may add to the size of its file."""
FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")

_REFERENCE = msgspec.json.Decoder(Reference)


@post(
    "/v1/documents",
    status_code=202,
    summary="Upload a document",
    request_max_body_size=None,  # kept by ourselves, while the body is streamed
    tags=["documents"],
    opt=UPLOADED,
)
async def upload(
    request: WebRequest,
    rooms: Rooms,
    name: Name = None,
    owner: Owner = None,
    processor: Processor = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[AcceptedView]:
    """Accept a document and answer 202 at once; it is queued and read in the background.

    The body is the document itself (``Content-Type: application/pdf``), a ``multipart/form-data``
    form with one file and the optional fields ``owner``, ``name`` and ``processor``, or, as
    ``application/json``, a reference to an object that lies in the store already. With an
    ``Idempotency-Key`` the same upload can be repeated: it gives the same document.
    """
    content_type, _ = parse_options_header(request.headers.get("content-type", ""))
    _refuse_nothing(request)
    offer = Offer(
        name=name or "",
        owner=owner or "default",
        content_type=content_type or "application/octet-stream",
        processor=processor or rooms.settings.processor,
        idempotency_key=idempotency_key,
    )
    if content_type == "application/json":
        accepted = await _by_reference(request, rooms.uploads, offer)
    elif content_type in FORM_TYPES:
        accepted = await _form(request, rooms.uploads, offer, limit=rooms.settings.max_upload_bytes)
    else:
        accepted = await _raw(request, rooms.uploads, offer, limit=rooms.settings.max_upload_bytes)
    tracked = _tracked(accepted)
    rooms.metrics.uploads.labels("accepted" if accepted.new else "repeated").inc()
    if accepted.new:
        rooms.metrics.upload_bytes.inc(tracked.document.bytes or 0)
    return Response(
        AcceptedView(view(tracked), tracked.position),
        status_code=202,
        headers={"Location": f"/v1/documents/{accepted.document_id}"},
    )


def _refuse_nothing(request: WebRequest) -> None:
    """An empty file is a document, which will fail visibly; no body at all is a mistake."""
    headers = request.headers
    declared = "content-type" in headers or "transfer-encoding" in headers
    if not declared and headers.get("content-length", "0") == "0":
        raise Problem(
            400,
            "Not understood",
            "The request has no body. Send the file itself (curl: --data-binary @file.pdf -H "
            "'Content-Type: application/pdf') or a form (curl: -F file=@file.pdf).",
        )


async def _raw(request: WebRequest, uploads: Uploads, offer: Offer, *, limit: int) -> Accepted:
    refuse_declared(request, limit=limit)
    _check(uploads, offer)
    held = await uploads.store(raw_chunks(request, limit=limit))
    return await _accept(uploads, offer, held)


def _check(uploads: Uploads, offer: Offer) -> None:
    try:
        uploads.check(offer)
    except Refused as error:
        raise Problem(422, "Not acceptable", str(error)) from error


async def _accept(uploads: Uploads, offer: Offer, held: Held) -> Accepted:
    try:
        _check(uploads, offer)
        return await uploads.accept(offer, held)
    except LogUnavailable:
        raise  # the log may speak of these bytes all the same; if not, the sweeper removes them
    except Exception:
        await uploads.drop(held)
        raise


async def _form(request: WebRequest, uploads: Uploads, offer: Offer, *, limit: int) -> Accepted:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Problem(
            415,
            "Not a document",
            "The body is declared as a web form. Send the file itself with "
            "'Content-Type: application/pdf' (curl: --data-binary @file.pdf -H ...), "
            "or as multipart/form-data (curl: -F file=@file.pdf).",
        )
    refuse_declared(request, limit=limit + FORM_BYTES)
    offer, held = await _parts(Form(request, limit=limit), uploads, offer)
    return await _accept(uploads, offer, held)


async def _parts(form: Form, uploads: Uploads, offer: Offer) -> tuple[Offer, Held]:
    """Take the file in; what the fields say of it."""
    held: Held | None = None
    try:
        while (part := await form.next_part()) is not None:
            if part.filename is None:
                offer = _with_field(offer, part, await form.field())
                continue
            if held is not None:
                raise Problem(400, "Not understood", "The form has two files; send one at a time.")
            held = await uploads.store(form.file())
            offer = _with_file(offer, part)
    except Exception:
        if held is not None:
            await uploads.drop(held)
        raise
    if held is None:
        raise Problem(400, "Not understood", "The form has no file; add one, such as file=...")
    return offer, held


def _with_field(offer: Offer, part: MultipartSegment, value: str) -> Offer:
    known = ("owner", "name", "processor")
    if part.name not in known:
        raise Problem(
            400,
            "Not understood",
            f"The form field {part.name[:80]!r} is not known; there are {', '.join(known)}.",
        )
    return msgspec.structs.replace(offer, **{part.name: value}) if value else offer


def _with_file(offer: Offer, part: MultipartSegment) -> Offer:
    content_type = part.content_type or "application/octet-stream"
    return msgspec.structs.replace(
        offer, name=offer.name or part.filename, content_type=content_type
    )


async def _by_reference(request: WebRequest, uploads: Uploads, offer: Offer) -> Accepted:
    body = await read_body(request, limit=MAX_JSON_BYTES)
    try:
        reference = _REFERENCE.decode(body)
    except msgspec.MsgspecError as error:
        raise Problem(
            400,
            "Not understood",
            f"The reference cannot be read: {error}. It is JSON such as "
            '{"path": "incoming/report.pdf", "owner": "ada"}, and may have '
            "content_type, name, processor, and an id of 1 to 64 letters, digits, '_' and '-'.",
        ) from error
    offer = msgspec.structs.replace(
        offer,
        name=reference.name or offer.name,
        owner=reference.owner or offer.owner,
        content_type=reference.content_type,
        processor=reference.processor or offer.processor,
    )
    _check(uploads, offer)
    return await uploads.refer(offer, path=reference.path, own_id=reference.id)


def _tracked(accepted: Accepted) -> Tracked:
    """The document as its events so far tell it."""
    rows = DocumentRows()
    tracked: Tracked | None = None
    for event in accepted.recorded:
        tracked = rows.fold(tracked, event)
    if tracked is None:
        raise AssertionError("an accepted document has events")
    return tracked
