"""What routes need of a request: the parts of the broker, the raw query, the caller, the body."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from service.broker import destination, headers
from service.broker.addressing import Wanted
from service.broker.broker import Broker
from service.broker.errors import Malformed
from service.broker.grouping import Groups
from service.broker.scheduling import Schedules

__all__ = [
    "BrokerRequest",
    "broker_in",
    "broker_of",
    "caller_in",
    "document_in",
    "document_of",
    "groups_of",
    "query_of",
    "schedules_of",
    "wanted",
    "wanted_of",
    "whole_in",
    "without_slash",
]

BrokerRequest = Request[Any, Any, State]


def broker_of(request: BrokerRequest) -> Broker:
    """The broker behind this application."""
    return broker_in(request.scope)


def broker_in(scope: Mapping[str, Any]) -> Broker:
    """The same, for a raw request."""
    broker = scope["litestar_app"].state.broker
    assert isinstance(broker, Broker)
    return broker


def groups_of(request: BrokerRequest) -> Groups:
    """The URL groups of this application."""
    groups = request.app.state.groups
    assert isinstance(groups, Groups)
    return groups


def schedules_of(request: BrokerRequest) -> Schedules:
    """The schedules of this application."""
    schedules = request.app.state.schedules
    assert isinstance(schedules, Schedules)
    return schedules


def whole_in(given: Mapping[str, object], name: str, *, most: int) -> int | None:
    """The whole number of at least 1 under a name, None when it is not there."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Malformed(f"{name}: {value!r} is no whole number between 1 and {most}")
    return value


async def wanted_of(request: BrokerRequest, *, after: bytes, queue: str | None = None) -> Wanted:
    """What a request wants published: the destination stands in its path, behind `after`."""
    return wanted(request.scope, await request.body(), after=after, queue=queue)


def wanted(
    scope: Mapping[str, Any], body: bytes, *, after: bytes, queue: str | None = None
) -> Wanted:
    """The same, of a raw request whose body was read."""
    query = bytes(scope["query_string"])
    options = destination.options_in_query(query) if query else ()
    return Wanted(
        destination=destination.from_request(scope["raw_path"], query, after=after),
        headers=headers.decoded(scope["headers"], options),
        body=body,
        caller_ip=caller_in(scope),
        queue=queue,
    )


def query_of(request: BrokerRequest) -> bytes:
    """The query string as it came."""
    query = request.scope["query_string"]
    return query if isinstance(query, bytes) else bytes(query)


def caller_in(scope: Mapping[str, Any]) -> str | None:
    """The address of the publisher."""
    client = scope.get("client")
    return client[0] if client else None


async def document_of(request: BrokerRequest) -> object:
    """The JSON body, None when there is none."""
    return document_in(await request.body())


def document_in(raw: bytes) -> object:
    """The same, of a body that was read."""
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
