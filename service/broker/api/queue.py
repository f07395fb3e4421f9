"""Queues: `/v2/queues`; `publish` has what is enqueued."""

from litestar import Response, Router, delete, get, post
from litestar.params import FromPath

from service.broker.api.requests import BrokerRequest, broker_of, document_of, whole_in
from service.broker.control_views import queue_object
from service.broker.errors import Malformed
from service.broker.names import checked_name

__all__ = ["router"]

MOST_AT_ONCE = 1_000_000
_KNOWN = {"queueName", "parallelism", "paused"}


def router() -> Router:
    """The routes of queues."""
    return Router(
        "/v2/queues",
        route_handlers=[
            list_queues,
            get_queue,
            put_queue,
            pause_queue,
            resume_queue,
            delete_queue,
        ],
    )


@get("/")
async def list_queues(request: BrokerRequest) -> list[dict[str, object]]:
    """All queues, by name."""
    return [queue_object(queue) for queue in await broker_of(request).controls.queues()]


@get("/{name:str}")
async def get_queue(request: BrokerRequest, name: FromPath[str]) -> dict[str, object]:
    """One queue, with the number of messages that have not ended yet."""
    return queue_object(await broker_of(request).controls.queue(name))


@post("/")
async def put_queue(request: BrokerRequest) -> Response[None]:
    """Makes a queue, or changes what is said of it."""
    document = await document_of(request)
    if not isinstance(document, dict) or set(document) - _KNOWN:
        raise Malformed('body: it has to be {"queueName": ..., "parallelism": ..., "paused": ...}')
    name, paused = document.get("queueName"), document.get("paused")
    if not isinstance(name, str):
        raise Malformed("queueName: it has to be a string")
    if paused is not None and not isinstance(paused, bool):
        raise Malformed("paused: it has to be true or false")
    await broker_of(request).controls.put_queue(
        checked_name(name, of="queueName"),
        parallelism=whole_in(document, "parallelism", most=MOST_AT_ONCE),
        paused=paused,
    )
    return Response(None, status_code=200)


@post("/{name:str}/pause")
async def pause_queue(request: BrokerRequest, name: FromPath[str]) -> Response[None]:
    """Stops giving turns; the queue takes messages all the same."""
    await broker_of(request).controls.pause_queue(name, paused=True)
    return Response(None, status_code=200)


@post("/{name:str}/resume")
async def resume_queue(request: BrokerRequest, name: FromPath[str]) -> Response[None]:
    """Goes on giving turns."""
    await broker_of(request).controls.pause_queue(name, paused=False)
    return Response(None, status_code=200)


@delete("/{name:str}", status_code=200)
async def delete_queue(request: BrokerRequest, name: FromPath[str]) -> Response[None]:
    """Deletes a queue; what still waits in it is delivered, in its order."""
    await broker_of(request).controls.delete_queue(name)
    return Response(None, status_code=200)
