"""Publishing one message: `POST /v2/publish/{destination}`, `/v2/enqueue/{queue}/{destination}`."""

from collections.abc import Sequence

from litestar.handlers import ASGIRouteHandler
from litestar.types import Scope

from service.broker.api.answers import Check
from service.broker.api.raw import Answer, posted
from service.broker.api.requests import broker_in, wanted
from service.broker.arrivals import Arrived
from service.broker.broker import Addressed
from service.broker.names import checked_name

__all__ = ["acknowledgement", "answer_to", "routes"]

Object = dict[str, object]

_PUBLISH = "/v2/publish"
_ENQUEUE = "/v2/enqueue"


def routes(check: Check, largest_message: int) -> list[ASGIRouteHandler]:
    """The routes."""
    return [
        posted(_PUBLISH, publish, check=check, most=largest_message, below=True),
        posted(_ENQUEUE, enqueue, check=check, most=largest_message, below=True),
    ]


async def publish(scope: Scope, body: bytes) -> Answer:
    """Takes one message."""
    return await _publish(scope, body, after=f"{_PUBLISH}/")


async def enqueue(scope: Scope, body: bytes) -> Answer:
    """Takes one message for a queue, which is made when it is missing."""
    name = scope["raw_path"].decode("latin-1").removeprefix(f"{_ENQUEUE}/").partition("/")[0]
    checked_name(name, of="queue name")
    return await _publish(scope, body, after=f"{_ENQUEUE}/{name}/", queue=name)


async def _publish(scope: Scope, body: bytes, *, after: str, queue: str | None = None) -> Answer:
    broker = broker_in(scope)
    addressed = await broker.addressed(wanted(scope, body, after=after.encode(), queue=queue))
    arrived = await broker.publish(addressed.publications)
    return Answer(answer_to(addressed, arrived), _status(arrived), broker.quota_headers())


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
