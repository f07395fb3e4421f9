"""Publishing one message: `POST /v2/publish/{destination}`."""

from collections.abc import Sequence

from litestar import Response, asgi
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from service.broker.api.answers import Check
from service.broker.api.raw import answer, body_of
from service.broker.api.requests import BrokerRequest, broker_of, wanted, wanted_of
from service.broker.arrivals import Arrived
from service.broker.broker import Addressed

__all__ = ["acknowledgement", "answer_to", "mount", "publish_to"]

Object = dict[str, object]

_PREFIX = "/v2/publish"


def mount(check: Check, largest_message: int) -> ASGIRouteHandler:
    """The route; a body above the limit is answered 413 before it is read on.

    It is the hot one, so it does without the framework's requests, guards and responses, which
    cost more than all of the rest together.
    """

    @asgi(_PREFIX, is_mount=True, copy_scope=False)
    async def publish(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            raise MethodNotAllowedException
        check(scope)
        body = await body_of(scope, receive, most=largest_message)
        if body is None:
            return
        broker = scope["litestar_app"].state.broker
        addressed = await broker.addressed(wanted(scope, body, after=_PREFIX.encode() + b"/"))
        arrived = await broker.publish(addressed.publications)
        document = answer_to(addressed, arrived)
        await answer(
            send, status=_status(arrived), document=document, headers=broker.quota_headers()
        )

    return publish


async def publish_to(
    request: BrokerRequest, *, after: bytes, queue: str | None = None
) -> Response[Object | list[Object]]:
    """Publishes what a request says to the destination behind `after`, perhaps into a queue."""
    broker = broker_of(request)
    addressed = await broker.addressed(await wanted_of(request, after=after, queue=queue))
    arrived = await broker.publish(addressed.publications)
    return Response(
        answer_to(addressed, arrived),
        status_code=_status(arrived),
        headers=dict(broker.quota_headers()),
    )


def answer_to(addressed: Addressed, arrived: Sequence[Arrived]) -> Object | list[Object]:
    """One object for a URL, a list of them for a group."""
    if addressed.to_group:
        return [acknowledgement(one) for one in arrived]
    return acknowledgement(arrived[0])


def acknowledgement(arrived: Arrived) -> Object:
    """What a publisher is told about one message."""
    if arrived.duplicate_of is None:
        return {"messageId": arrived.message.id, "url": arrived.message.url}
    return {
        "messageId": arrived.duplicate_of,
        "url": arrived.message.url,
        "deduplicated": True,
    }


def _status(arrived: Sequence[Arrived]) -> int:
    """202 when all were duplicates."""
    return 200 if any(one.duplicate_of is None for one in arrived) else 202
