"""What QStash calls: deliveries and notices about them. Nothing here trusts an unsigned byte."""

import base64
import binascii

import msgspec
import structlog
from litestar.handlers import ASGIRouteHandler

from events.document.answers import Answer, give_up
from events.document.decisions import observe
from events.document.facts import TransportObserved
from events.document.receipt import Delivery
from events.errors import DocumentUnknown, WaybillError
from service.deliveries import OVERLOADED, Deliveries
from service.documents import Documents
from service.web.requests import WebRequest
from service.web.rooms import ServiceRooms
from service.web.signature import Verified
from service.web.signed import signed_route

log = structlog.get_logger(__name__)

PROCESS = "/v1/qstash/process"
FAILED = "/v1/qstash/failed"
CALLBACK = "/v1/qstash/callback"

MAX_DELIVERY_BYTES = 64 * 1024
MAX_NOTICE_BYTES = 1024 * 1024
"""A callback repeats the body and the answer of the message, in base64."""


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


async def _process(
    rooms: ServiceRooms, request: WebRequest, body: bytes, verified: Verified
) -> Answer:
    """A delivery: work, and answer when the attempt has ended."""
    answer = await _delivered(rooms.deliveries, request, body, verified)
    rooms.metrics.deliveries.labels(str(answer.status)).inc()
    return answer


async def _delivered(
    deliveries: Deliveries, request: WebRequest, body: bytes, verified: Verified
) -> Answer:
    work = _decoded_work(body)
    message_id = request.headers.get("upstash-message-id", "")
    if work is None or not message_id:
        return give_up("the body or the message id is not one of ours")
    delivery = Delivery(
        run=work.run,
        message_id=message_id,
        retried=_number(request.headers.get("upstash-retried")) or 0,
        jti=verified.jti,
        signing_key=verified.key,
        signed_at=verified.signed_at,
        body_sha256=verified.body_sha256,
    )
    return await deliveries.deliver(work.document_id, delivery)


async def _failed(rooms: ServiceRooms, _: WebRequest, body: bytes, __: Verified) -> Answer:
    """QStash has given a message up. That is an observation; our own rules decide."""
    return await _observed(rooms.documents, body, final=True)


async def _callback(rooms: ServiceRooms, _: WebRequest, body: bytes, __: Verified) -> Answer:
    """QStash tells how one try went."""
    return await _observed(rooms.documents, body, final=False)


def qstash_routes(rooms: ServiceRooms | None) -> list[ASGIRouteHandler]:
    """The three addresses that QStash is given."""
    return [
        signed_route(rooms, PROCESS, _process, limit=MAX_DELIVERY_BYTES),
        signed_route(rooms, FAILED, _failed, limit=MAX_NOTICE_BYTES),
        signed_route(rooms, CALLBACK, _callback, limit=MAX_NOTICE_BYTES),
    ]


async def _observed(documents: Documents, body: bytes, *, final: bool) -> Answer:
    event = _observation(body, final=final)
    if event is None:
        return Answer(200, "this notice is not about one of our messages")
    try:
        await documents.apply(event.document_id, lambda found, _now: observe(found, event))
    except DocumentUnknown:
        return Answer(200, "this document is not known here")
    except WaybillError as error:
        log.warning("a notice was sent back", document=event.document_id, error=str(error))
        return OVERLOADED
    return Answer(200, "noted")


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
