"""Publishing many messages at once: `POST /v2/batch`."""

from litestar import Response, Router, post

from service.broker import destination, headers
from service.broker.api.publish import acknowledgement
from service.broker.api.requests import BrokerRequest, broker_of, caller_of, document_of
from service.broker.broker import Publication
from service.broker.errors import Malformed

__all__ = ["router"]

MOST_ITEMS = 1000


def router(largest_batch: int, *, largest_message: int) -> Router:
    """The route; `largest_message` bounds the body of each item."""

    @post("/batch")
    async def publish_batch(request: BrokerRequest) -> Response[list[dict[str, object]]]:
        """Takes many messages; those it refuses do not stop the others."""
        items = await document_of(request)
        if not isinstance(items, list):
            raise Malformed("body: it has to be a JSON array of messages")
        if len(items) > MOST_ITEMS:
            raise Malformed(f"body: it has {len(items)} messages; send at most {MOST_ITEMS}")
        caller = caller_of(request)
        read = [_read(item, caller, largest_message) for item in items]
        publications = [one for one in read if isinstance(one, Publication)]
        arrived = iter(await broker_of(request).publish(publications) if publications else ())
        answers: list[dict[str, object]] = [
            acknowledgement(next(arrived)) if isinstance(one, Publication) else {"error": one}
            for one in read
        ]
        return Response(answers, status_code=200)

    return Router("/v2", route_handlers=[publish_batch], request_max_body_size=largest_batch)


def _read(item: object, caller: str | None, largest: int) -> Publication | str:
    try:
        return _publication(item, caller, largest)
    except Malformed as error:
        return str(error)


def _publication(item: object, caller: str | None, largest: int) -> Publication:
    if not isinstance(item, dict):
        raise Malformed("message: it has to be a JSON object")
    url = item.get("destination")
    if not isinstance(url, str):
        raise Malformed("destination: it has to be a string")
    if item.get("queue") is not None:
        raise Malformed("queue: this broker has no queues; leave it out")
    body = item.get("body")
    if body is not None and not isinstance(body, str):
        raise Malformed("body: it has to be a string; encode JSON into one")
    raw = (body or "").encode()
    if len(raw) > largest:
        raise Malformed(f"body: it has {len(raw)} bytes; the limit is {largest}")
    return Publication(
        request=headers.read(_pairs(item.get("headers"))),
        url=destination.checked(url, name="destination"),
        body=raw,
        caller_ip=caller,
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
