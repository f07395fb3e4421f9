"""The dead letter queue: `/v2/dlq`."""

from collections.abc import Callable
from dataclasses import replace

from litestar import Router, delete, get, post
from litestar.params import FromPath

from service.broker import headers
from service.broker.api.requests import (
    BrokerRequest,
    broker_of,
    document_of,
    query_of,
    without_slash,
)
from service.broker.errors import Malformed, Unknown
from service.broker.filters import DEAD_LETTERS, Selection, ids_in, read_selection
from service.broker.headers import Request
from service.broker.views import dead_letter_object

__all__ = ["router"]

PAGE = 100


def router() -> Router:
    """The routes of dead letters."""
    return Router(
        "/v2/dlq",
        route_handlers=[list_dead, get_dead, delete_dead, delete_one, retry_one, retry_dead],
    )


@get("/")
async def list_dead(request: BrokerRequest) -> dict[str, object]:
    """A page, the oldest first."""
    selection = _selection(request)
    found = await broker_of(request).dead_letters(selection)
    shown = found[: selection.count]
    answer: dict[str, object] = {"messages": [dead_letter_object(dead) for dead in shown]}
    if len(found) > len(shown):
        answer["cursor"] = str(shown[-1].letter.id)
    return answer


@get("/{dlq_id:str}")
async def get_dead(request: BrokerRequest, dlq_id: FromPath[str]) -> dict[str, object]:
    """One dead letter."""
    return dead_letter_object(await broker_of(request).dead_letter(dlq_id))


@delete("/{dlq_id:str}", status_code=200)
async def delete_one(request: BrokerRequest, dlq_id: FromPath[str]) -> dict[str, int]:
    """Deletes one dead letter."""
    one = Selection(any_of={"dlqIds": (dlq_id,)}, count=1)
    if not await broker_of(request).delete_dead_letters(one):
        raise Unknown(f"dlq message {dlq_id} not found")
    return {"deleted": 1}


@delete("/", status_code=200)
async def delete_dead(request: BrokerRequest) -> dict[str, object]:
    """Deletes the dead letters with these ids or filters, a page of them at once."""
    selection = await _chosen(request)
    return {"deleted": await broker_of(request).delete_dead_letters(selection)}


@post("/retry/{dlq_id:str}", status_code=201)
async def retry_one(request: BrokerRequest, dlq_id: FromPath[str]) -> dict[str, object]:
    """Publishes a dead letter again; option headers of this request win over the stored ones."""
    broker = broker_of(request)
    dead = await broker.dead_letter(dlq_id)
    arrived = await broker.retry_dead_letters([dead], _override(request))
    if not arrived:
        raise Unknown(f"dlq message {dlq_id} not found")
    return {"messageId": arrived[0].message.id}


@post("/retry", status_code=201)
async def retry_dead(request: BrokerRequest) -> dict[str, object]:
    """Publishes the dead letters with these ids or filters again, a page of them at once."""
    broker = broker_of(request)
    selection = await _chosen(request)
    found = (await broker.dead_letters(selection))[: selection.count]
    arrived = await broker.retry_dead_letters(found, _override(request)) if found else ()
    return {"responses": [{"messageId": one.message.id} for one in arrived], "cursor": ""}


def _selection(request: BrokerRequest) -> Selection:
    return read_selection(query_of(request), names=DEAD_LETTERS, count=PAGE, most=PAGE)


async def _chosen(request: BrokerRequest) -> Selection:
    if not without_slash(request):
        raise Unknown("no dead letter has an empty id; leave the last slash out")
    ids = ids_in(await document_of(request), name="dlqIds")
    selection = _selection(request)
    if ids is not None:
        return Selection(any_of={"dlqIds": ids}, count=max(1, len(ids)))
    if selection.everything:
        raise Malformed("say which dead letters: send dlqIds, or a filter")
    return replace(selection, cursor=None)


def _override(request: BrokerRequest) -> Callable[[Request], Request]:
    options = [
        (name, value)
        for name, value in headers.decoded(request.scope["headers"])
        if name.startswith("upstash-")
    ]
    return lambda base: headers.read(options, base)
