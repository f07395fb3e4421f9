"""Publishing one message: `POST /v2/publish/{destination}`."""

from litestar import Response, Router, post

from service.broker import destination, headers
from service.broker.api.requests import BrokerRequest, broker_of, caller_of, query_of
from service.broker.arrivals import Arrived
from service.broker.broker import Publication

__all__ = ["acknowledgement", "router"]


def router(largest_message: int) -> Router:
    """The route; a body above the limit is answered 413 before it is read on."""
    return Router("/v2", route_handlers=[publish], request_max_body_size=largest_message)


@post("/publish/{target:path}")
async def publish(request: BrokerRequest) -> Response[dict[str, object]]:
    """Takes one message; the destination stands raw in the path."""
    query = query_of(request)
    url = destination.from_request(request.scope["raw_path"], query, after=b"/v2/publish/")
    options = destination.options_in_query(query) if query else ()
    pairs = headers.decoded(request.scope["headers"], options)
    publication = Publication(
        request=headers.read(pairs),
        url=url,
        body=await request.body(),
        caller_ip=caller_of(request),
    )
    (arrived,) = await broker_of(request).publish([publication])
    status = 200 if arrived.duplicate_of is None else 202
    return Response(acknowledgement(arrived), status_code=status)


def acknowledgement(arrived: Arrived) -> dict[str, object]:
    """What a publisher is told about one message."""
    if arrived.duplicate_of is None:
        return {"messageId": arrived.message.id, "url": arrived.message.url}
    return {
        "messageId": arrived.duplicate_of,
        "url": arrived.message.url,
        "deduplicated": True,
    }
