"""Flow-control keys and the limit of all attempts: `/v2/flowControl`, `/v2/globalParallelism`.

A key is whatever a publisher says, slashes included, percent-encoded or not. So it is read from
the path as it came: the framework has it decoded, and cannot tell a key's slash from a path's.
"""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote

from litestar import Response, Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.broker.api.requests import BrokerRequest, broker_of, query_of, whole_in
from service.broker.control_views import flow_object
from service.broker.durations import seconds_of
from service.broker.errors import Malformed
from service.broker.flow import LONGEST_PERIOD

__all__ = ["router"]

MOST = 999_999_999


def router() -> Router:
    """The routes of flow control."""
    return Router(
        "/v2",
        route_handlers=[
            list_keys,
            get_key,
            change_key,
            global_parallelism,
        ],
    )


@get("/flowControl")
async def list_keys(request: BrokerRequest) -> list[dict[str, object]] | dict[str, object]:
    """The keys that contain what `search` says, by name."""
    if _below(request):  # a key of slashes alone, which the framework takes for none
        return await _key(request)
    search = _query(request, "search").get("search")
    return [flow_object(key) for key in await broker_of(request).controls.flow_keys(search)]


@get("/flowControl/{key:path}")
async def get_key(request: BrokerRequest, key: FromPath[str]) -> dict[str, object]:
    """One key: its limits, how much of them is used, how many messages wait."""
    return await _key(request)


@post("/flowControl/{key:path}")
async def change_key(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
    """Does what the last part of the path says with the key that stands before it."""
    name, _, verb = _below(request).rpartition("/")
    if not name or verb not in VERBS:
        raise NotFoundException(f"there are {', '.join(VERBS)} behind a flow-control key")
    await VERBS[verb](request, unquote(name))
    return Response(None, status_code=200)


async def _key(request: BrokerRequest) -> dict[str, object]:
    return flow_object(await broker_of(request).controls.flow_key(unquote(_below(request))))


async def _pause(request: BrokerRequest, key: str) -> None:
    """Stops the deliveries of a key."""
    await broker_of(request).controls.pause_key(key, paused=True)


async def _resume(request: BrokerRequest, key: str) -> None:
    """Goes on with the deliveries of a key."""
    await broker_of(request).controls.pause_key(key, paused=False)


async def _pin(request: BrokerRequest, key: str) -> None:
    """Fixes limits against what later messages say."""
    given = _query(request, "parallelism", "rate", "period")
    parallelism = whole_in(given, "parallelism", most=MOST)
    rate = whole_in(given, "rate", most=MOST)
    period = _period(given.get("period"))
    if parallelism is None and rate is None:
        raise Malformed("query parameters: give parallelism, rate with a period, or both")
    await broker_of(request).controls.pin_key(
        key, parallelism=parallelism, rate=rate, period=period if rate is not None else None
    )


async def _unpin(request: BrokerRequest, key: str) -> None:
    """Lets later messages decide again."""
    given = _query(request, "parallelism", "rate")
    await broker_of(request).controls.unpin_key(
        key, parallelism=_truth(given, "parallelism"), rate=_truth(given, "rate")
    )


async def _reset_rate(request: BrokerRequest, key: str) -> None:
    """Begins a new period with nothing counted."""
    await broker_of(request).controls.reset_rate(key)


VERBS: Mapping[str, Callable[[BrokerRequest, str], Awaitable[None]]] = {
    "pause": _pause,
    "resume": _resume,
    "pin": _pin,
    "unpin": _unpin,
    "resetRate": _reset_rate,
    "reset": _reset_rate,
}


@get("/globalParallelism")
async def global_parallelism(request: BrokerRequest) -> dict[str, int]:
    """How many attempts may be under way at once, and how many are."""
    most, under_way = broker_of(request).controls.global_parallelism()
    return {"parallelismMax": most, "parallelismCount": under_way}


def _below(request: BrokerRequest) -> str:
    """What stands behind `/v2/flowControl/`, as it came; nothing if the path ends there."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("latin-1").partition("/v2/flowControl/")[2]


def _query(request: BrokerRequest, *known: str) -> dict[str, str]:
    try:
        given = parse_qsl(query_of(request).decode("latin-1"), max_num_fields=100)
    except ValueError as error:
        raise Malformed("query: it has more than 100 parameters") from error
    found = {name: value for name, value in given if name != "qstash_token"}
    unknown = found.keys() - set(known)
    if unknown:
        raise Malformed(
            f"query parameter {min(unknown)!r} is not known here; there are {', '.join(known)}"
        )
    return found


def _period(text: str | None) -> int:
    if text is None:
        return 1
    seconds = seconds_of(f"{text}s" if text.isdigit() else text, name="query parameter period")
    if not 1 <= seconds <= LONGEST_PERIOD:
        raise Malformed(f"query parameter period: {text!r} is not between 1 second and 7 days")
    return seconds


def _truth(given: dict[str, str], name: str) -> bool:
    text = given.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Malformed(f"query parameter {name}: {text!r} is neither true nor false")
    return text == "true"
