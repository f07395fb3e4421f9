"""Publishing many messages at once: `POST /v2/batch`."""

from functools import partial
from itertools import islice

from litestar.handlers import ASGIRouteHandler
from litestar.types import Scope

from service.broker.addressing import Wanted
from service.broker.api.answers import Check
from service.broker.api.publish import answer_to
from service.broker.api.raw import Answer, posted
from service.broker.api.requests import broker_in, caller_in, document_in
from service.broker.broker import Addressed, Broker
from service.broker.errors import Malformed
from service.broker.names import checked_name

__all__ = ["route"]

MOST_ITEMS = 1000
MOST_MESSAGES = 10_000
"""A group has many endpoints, and a batch may name many groups."""


def route(check: Check, largest_batch: int, *, largest_message: int) -> ASGIRouteHandler:
    """The route; `largest_message` bounds the body of each item."""
    reply = partial(publish_batch, largest_message=largest_message)
    return posted("/v2/batch", reply, check=check, most=largest_batch, below=False)


async def publish_batch(scope: Scope, body: bytes, *, largest_message: int) -> Answer:
    """Takes many messages; those it refuses do not stop the others."""
    items = document_in(body)
    if not isinstance(items, list):
        raise Malformed("body: it has to be a JSON array of messages")
    if len(items) > MOST_ITEMS:
        raise Malformed(f"body: it has {len(items)} messages; send at most {MOST_ITEMS}")
    caller = caller_in(scope)
    broker = broker_in(scope)
    read = [await _read(broker, item, caller, largest_message) for item in items]
    publications = [one for it in read if isinstance(it, Addressed) for one in it.publications]
    if len(publications) > MOST_MESSAGES:
        raise Malformed(
            f"body: with all endpoints it makes {len(publications)} messages; "
            f"send at most {MOST_MESSAGES}"
        )
    arrived = iter(await broker.publish(publications) if publications else ())
    answers: list[object] = [
        answer_to(one, list(islice(arrived, len(one.publications))))
        if isinstance(one, Addressed)
        else {"error": one}
        for one in read
    ]
    return Answer(answers, headers=broker.quota_headers())


async def _read(broker: Broker, item: object, caller: str | None, largest: int) -> Addressed | str:
    try:
        return await broker.addressed(_wanted(item, caller, largest))
    except Malformed as error:
        return str(error)


def _wanted(item: object, caller: str | None, largest: int) -> Wanted:
    if not isinstance(item, dict):
        raise Malformed("message: it has to be a JSON object")
    url = item.get("destination")
    if not isinstance(url, str):
        raise Malformed("destination: it has to be a string")
    queue = item.get("queue")
    if queue is not None and not isinstance(queue, str):
        raise Malformed("queue: it has to be a string")
    body = item.get("body")
    if body is not None and not isinstance(body, str):
        raise Malformed("body: it has to be a string; encode JSON into one")
    raw = (body or "").encode()
    if len(raw) > largest:
        raise Malformed(f"body: it has {len(raw)} bytes; the limit is {largest}")
    return Wanted(
        destination=url,
        headers=_pairs(item.get("headers")),
        body=raw,
        caller_ip=caller,
        queue=checked_name(queue, of="queue name") if queue else None,
    )


def _pairs(given: object) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise Malformed("headers: they have to be an object of strings")
    pairs = []
    for name, values in given.items():
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str):
                raise Malformed(f"headers: the value of {name} has to be a string")
            pairs.append((str(name).lower(), value))
    return pairs
