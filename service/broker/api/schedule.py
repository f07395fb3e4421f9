"""Schedules: `/v2/schedules`."""

import re

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import State

from service.broker.api.requests import BrokerRequest, schedules_of, wanted_of
from service.broker.control_views import schedule_object
from service.broker.errors import Unknown
from service.broker.scheduling import Schedules

__all__ = ["router"]

_SWITCH = re.compile(r"([^/]+)/(pause|resume)")
_PREFIX = b"/v2/schedules/"


def router(largest_message: int) -> Router:
    """The routes; a destination, an id and `{id}/pause` all stand behind the same prefix."""
    return Router(
        "/v2/schedules",
        route_handlers=[
            list_schedules,
            get_schedule,
            delete_schedule,
            create_or_switch,
            switch_by_patch,
            switch_by_put,
        ],
        request_max_body_size=largest_message,
    )


@get("/")
async def list_schedules(request: BrokerRequest) -> list[dict[str, object]]:
    """All schedules, the oldest first."""
    schedules = schedules_of(request)
    found = await schedules.all()
    states = await schedules.states(found)
    return [schedule_object(schedule, states) for schedule in found]


@get("/{target:path}")
async def get_schedule(request: BrokerRequest) -> dict[str, object]:
    """One schedule, with its last and its next time."""
    schedules = schedules_of(request)
    found = await schedules.get(_target(request))
    return schedule_object(found, await schedules.states([found]))


@delete("/{target:path}", status_code=200)
async def delete_schedule(request: BrokerRequest) -> Response[None]:
    """Deletes one schedule."""
    await schedules_of(request).delete(_target(request))
    return Response(None, status_code=200)


@post("/{target:path}", status_code=200)
async def create_or_switch(request: BrokerRequest) -> Response[dict[str, str]] | Response[None]:
    """Makes a schedule for the destination in the path, or pauses or resumes one."""
    schedules = schedules_of(request)
    # No URL looks like that, and no group's name holds a slash.
    if _SWITCH.fullmatch(_target(request)):
        return await _switch(schedules, request)
    schedule = await schedules.create(await wanted_of(request, after=_PREFIX))
    return Response({"scheduleId": schedule.id}, status_code=200)


@patch("/{target:path}")
async def switch_by_patch(request: BrokerRequest) -> Response[None]:
    """Pauses or resumes, as the SDKs ask for it."""
    return await _switch(schedules_of(request), request)


@put("/{target:path}")
async def switch_by_put(request: BrokerRequest) -> Response[None]:
    """Pauses or resumes."""
    return await _switch(schedules_of(request), request)


async def _switch(schedules: Schedules, request: Request[object, object, State]) -> Response[None]:
    target = _target(request)
    found = _SWITCH.fullmatch(target)
    if found is None:
        raise Unknown(f"there is no {target!r} to switch; it is {{id}}/pause or {{id}}/resume")
    name, verb = found.groups()
    await (schedules.pause(name) if verb == "pause" else schedules.resume(name))
    return Response(None, status_code=200)


def _target(request: Request[object, object, State]) -> str:
    raw: bytes = request.scope["raw_path"]
    return raw.partition(_PREFIX)[2].decode("latin-1")
