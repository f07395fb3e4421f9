"""What the page needs and QStash has no endpoint for: `/waybill/v1`. It only reads."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Router, get
from litestar.params import FromPath

from service.broker.api.requests import BrokerRequest, query_of
from service.broker.browsing import Condition, Wish
from service.broker.errors import Malformed
from service.broker.filters import MESSAGES, read_selection
from service.broker.look_views import listing_object, overview_object, story_object
from service.broker.lookout import Lookout

__all__ = ["router"]

PAGE = 50
MOST = 200
_OWN = ("state", "cursor")
_FILTERS = MESSAGES - {"messageIds"}
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


def router(may_write: Callable[[Mapping[str, Any]], bool], *, misbehaving: str | None) -> Router:
    """The routes; `may_write` tells whether a request's token does more than read.

    `misbehaving` is what the broker was told to do wrong, which somebody who looks has to know.
    """

    @get("/overview")
    async def overview(request: BrokerRequest) -> dict[str, object]:
        """How many messages are in each state, how the last hour's ended, what the token may."""
        lookout = _lookout_of(request)
        found = await lookout.overview()
        return overview_object(
            found,
            now=lookout.now,
            may_write=may_write(request.scope),
            misbehaving=misbehaving,
        )

    return Router("/waybill/v1", route_handlers=[overview, list_messages, get_story])


@get("/messages")
async def list_messages(request: BrokerRequest) -> dict[str, object]:
    """Messages in one state or in all: what is next first, of the ended ones the newest."""
    lookout = _lookout_of(request)
    return listing_object(await lookout.browse(_wish(request)), now=lookout.now)


@get("/messages/{message_id:str}")
async def get_story(request: BrokerRequest, message_id: FromPath[str]) -> dict[str, object]:
    """One message with its attempts, each with its answer, as long as the log has them."""
    lookout = _lookout_of(request)
    return story_object(await lookout.story(message_id), now=lookout.now)


def _wish(request: BrokerRequest) -> Wish:
    try:
        given = parse_qsl(query_of(request).decode("latin-1"), max_num_fields=100)
    except ValueError as error:
        raise Malformed("query: it has more than 100 parameters") from error
    own = {name: value for name, value in given if name in _OWN}
    rest = urlencode([(name, value) for name, value in given if name not in _OWN]).encode()
    return Wish(
        condition=_condition(own.get("state")),
        selection=read_selection(rest, names=_FILTERS, count=PAGE, most=MOST),
        after=_after(own.get("cursor")),
    )


def _condition(text: str | None) -> Condition | None:
    if text is None:
        return None
    try:
        return Condition(text)
    except ValueError as error:
        words = ", ".join(Condition)
        raise Malformed(f"query parameter state: {text!r} is none of {words}") from error


def _after(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise Malformed(f"query parameter cursor: {text!r} was not given by an earlier page")
    return int(found[1]), int(found[2])


def _lookout_of(request: BrokerRequest) -> Lookout:
    lookout = request.app.state.lookout
    assert isinstance(lookout, Lookout)
    return lookout
