"""Publishing one message: `POST /v2/publish/{destination}`."""

from collections.abc import Sequence

from litestar import Response, Router, post

from service.broker.api.requests import BrokerRequest, broker_of, wanted_of
from service.broker.arrivals import Arrived
from service.broker.broker import Addressed

__all__ = ["acknowledgement", "answer_to", "publish_to", "router"]

Object = dict[str, object]


def router(largest_message: int) -> Router:
    """The route; a body above the limit is answered 413 before it is read on."""
    return Router("/v2", route_handlers=[publish], request_max_body_size=largest_message)


@post("/publish/{target:path}")
async def publish(request: BrokerRequest) -> Response[Object | list[Object]]:
    """Takes one message; the destination stands raw in the path."""
    return await publish_to(request, after=b"/v2/publish/")


async def publish_to(
    request: BrokerRequest, *, after: bytes, queue: str | None = None
) -> Response[Object | list[Object]]:
    """Publishes what a request says to the destination behind `after`, perhaps into a queue."""
    broker = broker_of(request)
    addressed = await broker.addressed(await wanted_of(request, after=after, queue=queue))
    arrived = await broker.publish(addressed.publications)
    status = 200 if any(one.duplicate_of is None for one in arrived) else 202
    return Response(answer_to(addressed, arrived), status_code=status)


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
