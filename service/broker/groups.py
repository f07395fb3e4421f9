"""URL groups: named lists of endpoints, and the defaults of what is published to them (pure)."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from service.broker import headers
from service.broker.destination import checked
from service.broker.errors import Malformed
from service.broker.message import Headers
from service.broker.names import checked_name

__all__ = ["Endpoint", "Group", "added", "defaults_in", "endpoints_in", "removed"]

MOST_ENDPOINTS = 100


class Endpoint(Struct, frozen=True, kw_only=True):
    """One destination of a group; the name is the user's to give."""

    url: str
    name: str | None = None


class Group(Struct, frozen=True, kw_only=True):
    """Endpoints in the order in which they were added; `defaults` are lower-case headers."""

    name: str
    created_at: int
    updated_at: int
    endpoints: tuple[Endpoint, ...] = ()
    defaults: Headers = ()


def endpoints_in(document: object, *, to_remove: bool = False) -> tuple[Endpoint, ...]:
    """The endpoints of a JSON body; those to remove may be named without their URL."""
    given = document.get("endpoints") if isinstance(document, dict) else None
    if not isinstance(given, list):
        raise Malformed('body: it has to be {"endpoints": [{"url": ..., "name": ...}]}')
    if len(given) > MOST_ENDPOINTS:
        raise Malformed(f"endpoints: there are {len(given)}; a group has at most {MOST_ENDPOINTS}")
    return tuple(_endpoint(one, to_remove) for one in given)


def defaults_in(document: object) -> Headers:
    """The default headers of a JSON body such as `{"headers": {"Upstash-Retries": "3"}}`."""
    given = document.get("headers") if isinstance(document, dict) else None
    if not isinstance(given, dict):
        raise Malformed('body: it has to be {"headers": {"Upstash-Retries": "3"}}')
    pairs = tuple(
        (str(name).lower(), _text(name, value))
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
    )
    headers.read(pairs)
    return pairs


def added(group: Group, endpoints: Iterable[Endpoint], *, at: int) -> Group:
    """The group with these endpoints too; one of the same URL or name is replaced."""
    there = list(group.endpoints)
    for endpoint in endpoints:
        # Those it replaces leave, and it takes the place of the first of them.
        twins = [one for one in there if _same(one, endpoint)]
        place = there.index(twins[0]) if twins else len(there)
        there[place : place + 1] = [endpoint]
        there = [one for one in there if one is endpoint or one not in twins]
    if len(there) > MOST_ENDPOINTS:
        raise Malformed(
            f"endpoints: the group would have {len(there)}; it takes at most {MOST_ENDPOINTS}"
        )
    return replace(group, endpoints=tuple(there), updated_at=at)


def removed(group: Group, endpoints: Iterable[Endpoint], *, at: int) -> Group:
    """The group without the endpoints of these names or URLs."""
    gone = tuple(endpoints)
    left = tuple(one for one in group.endpoints if not any(_same(one, each) for each in gone))
    return replace(group, endpoints=left, updated_at=at)


def _same(one: Endpoint, other: Endpoint) -> bool:
    return one.url == other.url or (one.name is not None and one.name == other.name)


def _endpoint(given: object, to_remove: bool) -> Endpoint:
    if not isinstance(given, dict):
        raise Malformed("endpoints: each of them has to be an object with a url")
    url, name = given.get("url"), given.get("name")
    if name is not None and not isinstance(name, str):
        raise Malformed("endpoints: a name has to be a string")
    if not isinstance(url, str) and not (to_remove and url is None and name):
        raise Malformed("endpoints: a url has to be a string")
    return Endpoint(
        # Whatever once came in must be able to leave.
        url=(url or "") if to_remove else checked(str(url), name="endpoint"),
        name=checked_name(name, of="endpoint name") if name else None,
    )


def _text(name: object, value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(f"headers: the value of {name} has to be a string or a list of strings")
    return value
