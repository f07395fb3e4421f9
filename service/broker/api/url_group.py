"""URL groups: `/v2/topics`, which is what they were called."""

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath

from service.broker.api.requests import BrokerRequest, document_of, groups_of
from service.broker.control_views import group_object
from service.broker.groups import defaults_in, endpoints_in

__all__ = ["router"]

Done = Response[None]


def router() -> Router:
    """The routes of groups."""
    return Router(
        "/v2/topics",
        route_handlers=[
            list_groups,
            get_group,
            add_endpoints,
            remove_endpoints,
            configure_group,
            delete_group,
        ],
    )


@get("/")
async def list_groups(request: BrokerRequest) -> list[dict[str, object]]:
    """All groups, by name."""
    return [group_object(group) for group in await groups_of(request).all()]


@get("/{name:str}")
async def get_group(request: BrokerRequest, name: FromPath[str]) -> dict[str, object]:
    """One group with its endpoints."""
    return group_object(await groups_of(request).get(name))


@post("/{name:str}/endpoints")
async def add_endpoints(request: BrokerRequest, name: FromPath[str]) -> Done:
    """Adds or replaces endpoints; makes the group if there is none."""
    await groups_of(request).add(name, endpoints_in(await document_of(request)))
    return Response(None, status_code=200)


@delete("/{name:str}/endpoints", status_code=200)
async def remove_endpoints(request: BrokerRequest, name: FromPath[str]) -> Done:
    """Removes endpoints by name or URL; the last one takes the group with it."""
    given = endpoints_in(await document_of(request), to_remove=True)
    await groups_of(request).remove(name, given)
    return Response(None, status_code=200)


@patch("/{name:str}")
async def configure_group(request: BrokerRequest, name: FromPath[str]) -> Done:
    """Sets the headers that messages to the group have unless they say otherwise."""
    await groups_of(request).configure(name, defaults_in(await document_of(request)))
    return Response(None, status_code=200)


@delete("/{name:str}", status_code=200)
async def delete_group(request: BrokerRequest, name: FromPath[str]) -> Done:
    """Deletes a group; also when there is none."""
    await groups_of(request).delete(name)
    return Response(None, status_code=200)
