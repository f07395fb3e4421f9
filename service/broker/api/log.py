"""The log of what happened to messages: `/v2/events`, documented as `/v2/logs`."""

from litestar import Router, get

from service.broker.api.requests import BrokerRequest, broker_of, query_of
from service.broker.errors import Malformed
from service.broker.filters import LOG, read_selection
from service.broker.views import log_object

__all__ = ["router"]

PAGE = 1000


def router() -> Router:
    """One route under two names."""
    return Router("/v2", route_handlers=[list_log])


@get(["/events", "/logs"])
async def list_log(request: BrokerRequest) -> dict[str, object]:
    """A page, the newest first."""
    selection = read_selection(query_of(request), names=LOG, count=PAGE, most=PAGE)
    if "messageIds" in selection.any_of and len(selection.any_of) > 1:
        raise Malformed("query parameter messageIds: it does not go with other filters")
    found = await broker_of(request).log(selection)
    shown = found[: selection.count]
    entries = [log_object(entry) for entry in shown]
    # The SDKs read `events`, the documentation says `logs`.
    answer: dict[str, object] = {"events": entries, "logs": entries}
    if len(found) > len(shown):
        answer["cursor"] = str(shown[-1].id)
    return answer
