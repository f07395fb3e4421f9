"""How the service is: for people, for load balancers, for Prometheus; and what the queue does."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from projections.queues import QueueView
from service.metrics import CONTENT_TYPE
from service.web import examples
from service.web.described import BUSY, Answer, described, json_of, text
from service.web.moments import ARCHIVED, NO_POSITION, AsOf, MinPosition, asked, reach_queue
from service.web.rooms import Rooms


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """``status`` is ``ok``, ``degraded`` (works, but look at the reasons) or ``stopping``."""

    status: Literal["ok", "degraded", "stopping"]
    reasons: list[str]
    version: str
    position: int
    projections: dict[str, int]
    broker: str


@get(
    "/health",
    summary="How the service is",
    tags=["operations"],
    opt=described(
        Answer(200, "Documents are accepted.", (json_of(HealthView, examples.HEALTH),)),
        Answer(503, "The service is stopping.", (json_of(HealthView, examples.STOPPING),)),
    ),
)
async def health(rooms: Rooms) -> Response[HealthView]:
    """200 while documents are accepted, 503 once the service is stopping."""
    position = await rooms.store.head()
    reasons = rooms.vitals.troubles()
    status: Literal["ok", "degraded", "stopping"] = "degraded" if reasons else "ok"
    if rooms.vitals.stopping:
        status = "stopping"
    return Response(
        HealthView(
            status=status,
            reasons=reasons,
            version=rooms.vitals.version,
            position=position,
            projections=rooms.vitals.projected(),
            broker=rooms.vitals.broker,
        ),
        status_code=503 if rooms.vitals.stopping else 200,
    )


@get(
    "/metrics",
    summary="Numbers for Prometheus",
    media_type="text/plain",
    tags=["operations"],
    opt=described(Answer(200, "All of them.", (text("waybill_log_head_position 18422.0\n"),))),
)
async def metrics_page(rooms: Rooms) -> Response[bytes]:
    """Counters and gauges in Prometheus' text format."""
    rooms.vitals.measure()
    return Response(rooms.metrics.page(), media_type=CONTENT_TYPE)


@get(
    "/v1/queue",
    summary="The queue now",
    tags=["operations"],
    opt=described(
        Answer(200, "The queue, and its last minutes.", (json_of(QueueView, examples.QUEUE),)),
        NO_POSITION,
        ARCHIVED,
        BUSY,
    ),
)
async def get_queue(
    rooms: Rooms,
    minutes: Annotated[int, QueryParameter(ge=1, le=1440, description="How far back.")] = 60,
    min_position: MinPosition = 0,
    as_of: AsOf = None,
) -> Response[QueueView]:
    """What waits, what runs, and how long both took."""
    await reach_queue(min_position, rooms)
    if then := await asked(as_of, rooms):
        past = await rooms.past.queue(at=then.position, now=then.now, minutes=minutes)
        return Response(past)
    return Response(await rooms.lookups.queue(now=rooms.clock(), minutes=minutes))
