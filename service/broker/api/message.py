"""Messages under way: `GET` and `DELETE /v2/messages`."""

from litestar import Response, Router, delete, get
from litestar.params import FromPath

from service.broker.api.requests import (
    BrokerRequest,
    broker_of,
    document_of,
    query_of,
    without_slash,
)
from service.broker.errors import Unknown
from service.broker.filters import MESSAGES, Selection, ids_in, read_selection
from service.broker.views import message_object

__all__ = ["router"]

MOST_AT_ONCE = 500


def router() -> Router:
    """The routes of messages."""
    return Router("/v2/messages", route_handlers=[get_message, cancel_message, cancel_messages])


@get("/{message_id:str}")
async def get_message(request: BrokerRequest, message_id: FromPath[str]) -> dict[str, object]:
    """One message, while it is under way and for a while after."""
    return message_object(await broker_of(request).message(message_id))


@delete("/{message_id:str}", status_code=200)
async def cancel_message(request: BrokerRequest, message_id: FromPath[str]) -> dict[str, int]:
    """Cancels one message; an attempt in flight may still complete."""
    await broker_of(request).cancel(message_id)
    return {"cancelled": 1}


@delete("/", status_code=200)
async def cancel_messages(request: BrokerRequest) -> Response[dict[str, int]]:
    """Cancels the messages with these ids or filters; without any, all of them."""
    if not without_slash(request):
        raise Unknown("no message has an empty id; to cancel all, leave the last slash out")
    query = query_of(request)
    selection = read_selection(query, names=MESSAGES, count=MOST_AT_ONCE, most=MOST_AT_ONCE)
    ids = ids_in(await document_of(request), name="messageIds")
    if ids is None and b"messageIds" in query and "messageIds" not in selection.any_of:
        ids = ()
    if ids is not None:
        # An explicit empty list cancels nothing, unlike on the real service.
        selection = Selection(any_of={"messageIds": ids}, count=MOST_AT_ONCE)
    # A `count` is read and means nothing, as on the real service: the JavaScript SDK sends 100
    # with every filter and promises that all messages are cancelled.
    cancelled = await broker_of(request).cancel_selected(selection)
    return Response({"cancelled": cancelled}, status_code=200)
