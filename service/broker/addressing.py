"""From a destination to publications: one for a URL, one for each endpoint of a group (pure)."""

from msgspec import Struct
from msgspec.structs import replace

from service.broker import headers
from service.broker.destination import checked
from service.broker.errors import Malformed
from service.broker.groups import Group
from service.broker.headers import Request
from service.broker.names import is_name
from service.broker.reach import Reach

__all__ = ["Publication", "Wanted", "check_reach", "group_named", "publications_of"]


class Publication(Struct, frozen=True, kw_only=True):
    """A body for a destination, and how it is to be delivered."""

    request: Request
    url: str
    body: bytes
    caller_ip: str | None


class Wanted(Struct, frozen=True, kw_only=True):
    """What somebody wants published: a URL or a group's name, headers with lower-case names."""

    destination: str
    headers: list[tuple[str, str]]
    body: bytes
    caller_ip: str | None
    queue: str | None = None
    schedule: str | None = None


def group_named(destination: str) -> str | None:
    """The name of the group that a destination may be; a query behind it is not the group's."""
    name = destination.partition("?")[0]
    return name if is_name(name) else None


def publications_of(wanted: Wanted, group: Group | None) -> list[Publication]:
    """What is to be published; `group` is the one that `group_named` named, if it exists."""
    if group is None:
        request = _with_origin(headers.read(wanted.headers), wanted)
        return [_publication(wanted, request, _url(wanted.destination))]
    pairs = headers.with_defaults(wanted.headers, group.defaults)
    request = _with_origin(headers.read(pairs), wanted)
    options = replace(request.options, group=group.name)
    return [
        _publication(wanted, replace(request, options=replace(options, endpoint=one.name)), one.url)
        for one in group.endpoints
    ]


def check_reach(publication: Publication, reach: Reach) -> None:
    """Refuses a destination or a callback that nothing may be sent to."""
    reach.check(publication.url, name="destination")
    options = publication.request.options
    for callback, name in (
        (options.callback, "Upstash-Callback"),
        (options.failure_callback, "Upstash-Failure-Callback"),
    ):
        if callback is not None:
            reach.check(callback.url, name=name)


def _publication(wanted: Wanted, request: Request, url: str) -> Publication:
    return Publication(request=request, url=url, body=wanted.body, caller_ip=wanted.caller_ip)


def _url(destination: str) -> str:
    if group_named(destination) is not None:
        raise Malformed(
            "invalid destination url: endpoint has invalid scheme, add http:// or https:// "
            f"(nor is there a URL group {destination!r})"
        )
    return checked(destination, name="destination")


def _with_origin(request: Request, wanted: Wanted) -> Request:
    if wanted.schedule is None and wanted.queue is None:
        return request
    options = replace(request.options, schedule=wanted.schedule, queue=wanted.queue)
    return replace(request, options=options)
