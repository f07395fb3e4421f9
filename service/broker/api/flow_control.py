"""Flow-control keys and the limit of all attempts: `/v2/flowControl`, `/v2/globalParallelism`."""

from urllib.parse import parse_qsl

from litestar import Response, Router, get, post
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
            pause_key,
            resume_key,
            pin_key,
            unpin_key,
            reset_rate,
            global_parallelism,
        ],
    )


@get("/flowControl")
async def list_keys(request: BrokerRequest) -> list[dict[str, object]]:
    """The keys that contain what `search` says, by name."""
    search = _query(request, "search").get("search")
    return [flow_object(key) for key in await broker_of(request).controls.flow_keys(search)]


@get("/flowControl/{key:str}")
async def get_key(request: BrokerRequest, key: FromPath[str]) -> dict[str, object]:
    """One key: its limits, how much of them is used, how many messages wait."""
    return flow_object(await broker_of(request).controls.flow_key(key))


@post("/flowControl/{key:str}/pause")
async def pause_key(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
    """Stops the deliveries of a key."""
    await broker_of(request).controls.pause_key(key, paused=True)
    return Response(None, status_code=200)


@post("/flowControl/{key:str}/resume")
async def resume_key(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
    """Goes on with the deliveries of a key."""
    await broker_of(request).controls.pause_key(key, paused=False)
    return Response(None, status_code=200)


@post("/flowControl/{key:str}/pin")
async def pin_key(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
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
    return Response(None, status_code=200)


@post("/flowControl/{key:str}/unpin")
async def unpin_key(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
    """Lets later messages decide again."""
    given = _query(request, "parallelism", "rate")
    await broker_of(request).controls.unpin_key(
        key, parallelism=_truth(given, "parallelism"), rate=_truth(given, "rate")
    )
    return Response(None, status_code=200)


@post(["/flowControl/{key:str}/resetRate", "/flowControl/{key:str}/reset"])
async def reset_rate(request: BrokerRequest, key: FromPath[str]) -> Response[None]:
    """Begins a new period with nothing counted."""
    await broker_of(request).controls.reset_rate(key)
    return Response(None, status_code=200)


@get("/globalParallelism")
async def global_parallelism(request: BrokerRequest) -> dict[str, int]:
    """How many attempts may be under way at once, and how many are."""
    most, under_way = broker_of(request).controls.global_parallelism()
    return {"parallelismMax": most, "parallelismCount": under_way}


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
