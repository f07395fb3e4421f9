"""The dead letter queue: `/v2/dlq`."""

from collections.abc import Callable, Sequence

from litestar import Router, delete, get, post
from litestar.params import FromPath

from service.broker import destination, headers
from service.broker.api.requests import (
    BrokerRequest,
    broker_of,
    document_of,
    query_of,
    without_slash,
)
from service.broker.dead_letters import Dead
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
    shown = [dead_letter_object(dead) for dead in found[: selection.count]]
    return {"messages": shown, **_cursor(_last(found, selection))}


@get("/{dlq_id:str}")
async def get_dead(request: BrokerRequest, dlq_id: FromPath[str]) -> dict[str, object]:
    """One dead letter."""
    return dead_letter_object(await broker_of(request).dead_letter(dlq_id))


@delete("/{dlq_id:str}", status_code=200)
async def delete_one(request: BrokerRequest, dlq_id: FromPath[str]) -> dict[str, int]:
    """Deletes one dead letter."""
    one = Selection(any_of={"dlqIds": (dlq_id,)}, count=1)
    if not (await broker_of(request).delete_dead_letters(one)).count:
        raise Unknown(f"dlq message {dlq_id} not found")
    return {"deleted": 1}


@delete("/", status_code=200)
async def delete_dead(request: BrokerRequest) -> dict[str, object]:
    """Deletes the dead letters with these ids or filters, a page of them at once."""
    deleted = await broker_of(request).delete_dead_letters(await _chosen(request))
    return {"deleted": deleted.count, **_cursor(deleted.cursor)}


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
    page = await broker.dead_letters(selection)
    found = page[: selection.count]
    arrived = await broker.retry_dead_letters(found, _override(request)) if found else ()
    responses = [{"messageId": one.message.id} for one in arrived]
    return {"responses": responses, **_cursor(_last(page, selection))}


def _selection(request: BrokerRequest) -> Selection:
    return read_selection(query_of(request), names=DEAD_LETTERS, count=PAGE, most=PAGE)


async def _chosen(request: BrokerRequest) -> Selection:
    if not without_slash(request):
        raise Unknown("no dead letter has an empty id; leave the last slash out")
    ids = ids_in(await document_of(request), name="dlqIds")
    selection = _selection(request)
    if ids is not None:
        if len(ids) > PAGE:
            raise Malformed(f"body: dlqIds has {len(ids)} ids; send at most {PAGE} at once")
        return Selection(any_of={"dlqIds": ids}, count=PAGE)
    # The JavaScript SDK says `{ all: true }` by sending nothing but a count.
    if selection.everything and b"count=" not in query_of(request):
        raise Malformed("say which dead letters: send dlqIds, a filter, or a count for any of them")
    return selection


def _last(page: Sequence[Dead], selection: Selection) -> int | None:
    """The end of a page behind which there is another one."""
    return page[selection.count - 1].letter.id if len(page) > selection.count else None


def _cursor(number: int | None) -> dict[str, str]:
    """Where the next page begins; nothing on the last one, as the SDKs want it."""
    return {} if number is None else {"cursor": str(number)}


def _override(request: BrokerRequest) -> Callable[[Request], Request]:
    in_query = destination.options_in_query(query_of(request))
    options = [
        (name, value)
        for name, value in headers.decoded(request.scope["headers"], in_query)
        if name.startswith("upstash-")
    ]
    return lambda base: headers.read(options, base)
