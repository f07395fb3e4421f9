"""What every route needs of a request: the broker, the raw query, the caller, the JSON body."""

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from service.broker.broker import Broker
from service.broker.errors import Malformed

__all__ = ["BrokerRequest", "broker_of", "caller_of", "document_of", "query_of", "without_slash"]

BrokerRequest = Request[Any, Any, State]


def broker_of(request: BrokerRequest) -> Broker:
    """The broker behind this application."""
    broker = request.app.state.broker
    assert isinstance(broker, Broker)
    return broker


def query_of(request: BrokerRequest) -> bytes:
    """The query string as it came."""
    query = request.scope["query_string"]
    return query if isinstance(query, bytes) else bytes(query)


def caller_of(request: BrokerRequest) -> str | None:
    """The address of the publisher."""
    return request.client.host if request.client else None


async def document_of(request: BrokerRequest) -> object:
    """The JSON body, None when there is none."""
    raw = await request.body()
    if not raw.strip():
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"body: it is no JSON: {error}") from error


def without_slash(request: BrokerRequest) -> bool:
    """Whether the path came without a slash at its end, which the framework hides.

    An SDK given an empty id sends `DELETE /v2/messages/`, and that must not mean all of them.
    """
    return not request.scope["raw_path"].endswith(b"/")
