"""What QStash calls: deliveries and notices about them. Nothing here trusts an unsigned byte."""

import base64
import binascii
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, post

from events.document.answers import Answer, give_up
from events.document.decisions import observe
from events.document.facts import TransportObserved
from events.document.receipt import Delivery
from events.errors import DocumentUnknown, WaybillError
from service.deliveries import OVERLOADED
from service.documents import Documents
from service.metrics import Metrics
from service.web.bodies import read_body
from service.web.rooms import Rooms

log = structlog.get_logger(__name__)

PROCESS = "/v1/qstash/process"
FAILED = "/v1/qstash/failed"
CALLBACK = "/v1/qstash/callback"

MAX_DELIVERY_BYTES = 64 * 1024
MAX_NOTICE_BYTES = 1024 * 1024
"""A callback repeats the body and the answer of the message, in base64."""

WebRequest = Request[Any, Any, Any]


class Work(msgspec.Struct, frozen=True):
    """The body that we publish."""

    document_id: str
    run: int


class Notice(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a callback's body that we read; numbers may come as text."""

    source_message_id: str
    source_body: str
    retried: int | str = 0
    max_retries: int | str | None = None
    status: int | str | None = None
    dlq_id: str | None = None


_WORK = msgspec.json.Decoder(Work)
_NOTICE = msgspec.json.Decoder(Notice)


@post(PROCESS, status_code=200, include_in_schema=False)
async def process(request: WebRequest, rooms: Rooms) -> Response[str]:
    """A delivery: work, and answer when the attempt has ended."""
    body = await read_body(request, limit=MAX_DELIVERY_BYTES)
    verified = await rooms.doorkeeper.check(request, PROCESS, body)
    if verified is None:
        return _unsigned()
    work = _decoded_work(body)
    message_id = request.headers.get("upstash-message-id", "")
    if work is None or not message_id:
        return _response(give_up("the body or the message id is not one of ours"), rooms.metrics)
    delivery = Delivery(
        run=work.run,
        message_id=message_id,
        retried=_number(request.headers.get("upstash-retried")) or 0,
        jti=verified.jti,
        signing_key=verified.key,
        signed_at=verified.signed_at,
        body_sha256=verified.body_sha256,
    )
    return _response(await rooms.deliveries.deliver(work.document_id, delivery), rooms.metrics)


@post(FAILED, status_code=200, include_in_schema=False)
async def failed(request: WebRequest, rooms: Rooms) -> Response[str]:
    """QStash has given a message up. That is an observation; our own rules decide."""
    body = await read_body(request, limit=MAX_NOTICE_BYTES)
    if await rooms.doorkeeper.check(request, FAILED, body) is None:
        return _unsigned()
    return await _observed(rooms.documents, body, kind="failure_callback")


@post(CALLBACK, status_code=200, include_in_schema=False)
async def callback(request: WebRequest, rooms: Rooms) -> Response[str]:
    """QStash tells how one try went."""
    body = await read_body(request, limit=MAX_NOTICE_BYTES)
    if await rooms.doorkeeper.check(request, CALLBACK, body) is None:
        return _unsigned()
    return await _observed(rooms.documents, body, kind="callback")


async def _observed(documents: Documents, body: bytes, *, kind: str) -> Response[str]:
    event = _observation(body, final=kind == "failure_callback")
    if event is None:
        return Response("this notice is not about one of our messages", status_code=200)
    try:
        await documents.apply(event.document_id, lambda found, _now: observe(found, event))
    except DocumentUnknown:
        return Response("this document is not known here", status_code=200)
    except WaybillError as error:
        log.warning("a notice was sent back", document=event.document_id, error=str(error))
        return Response(
            OVERLOADED.reason, status_code=OVERLOADED.status, headers=OVERLOADED.headers
        )
    return Response("noted", status_code=200)


def _observation(body: bytes, *, final: bool) -> TransportObserved | None:
    try:
        notice = _NOTICE.decode(body)
        work = _decoded_work(base64.b64decode(notice.source_body))
    except (msgspec.MsgspecError, binascii.Error):
        return None
    if work is None:
        return None
    status = _number(notice.status)
    retried, most = _number(notice.retried) or 0, _number(notice.max_retries)
    delivered = status is not None and 200 <= status < 300
    return TransportObserved(
        document_id=work.document_id,
        kind="failure_callback" if final else "callback",
        message_id=notice.source_message_id,
        state="failed" if final else ("delivered" if delivered else "error"),
        status=status,
        retried=retried,
        max_retries=most,
        dlq_id=notice.dlq_id,
        final=final or delivered,
    )


def _decoded_work(body: bytes) -> Work | None:
    try:
        return _WORK.decode(body)
    except msgspec.MsgspecError:
        return None


def _number(value: int | str | None) -> int | None:
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def _response(answer: Answer, metrics: Metrics) -> Response[str]:
    metrics.deliveries.labels(str(answer.status)).inc()
    return Response(
        answer.reason, status_code=answer.status, headers=answer.headers, media_type="text/plain"
    )


def _unsigned() -> Response[str]:
    return Response("the signature is not valid", status_code=401, media_type="text/plain")
