"""The projections' routes: how they are, their rows, and a rebuild on request."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter

from projections.catalog import Rows, SetAside, Standing
from projections.folding import Poison
from projections.runner import Condition
from projections.views import timestamp
from service.vitals import wrong_with
from service.web import examples
from service.web.described import BUSY, Answer, described, json_of, problem_answer
from service.web.moments import NO_POSITION, MinPosition, reach_rows
from service.web.rooms import Rooms

MOST_ROWS = 500
LONGEST_KEY = 1000

Name = Annotated[
    str,
    PathParameter(description="The projection's name.", examples=[Example(value="queue_minutes")]),
]
NO_PROJECTION = problem_answer(
    404,
    "There is no such projection.",
    title="No such projection",
    detail="there is no projection 'x'; there are documents, queue_minutes",
)


class RebuildView(msgspec.Struct, frozen=True, kw_only=True):
    """A table that is being made: its number, and how far of the log it tells."""

    build: int
    position: int


class ProjectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A projection: what is read, how far of the log it tells, and what is wrong with it.

    ``status`` is ``ok``; ``building`` while the first table is being made; ``stopped`` when an
    event could not be folded and nothing behind it is told; ``stale`` when that is so of some rows
    (``set_aside`` names the first 100 of ``rows_set_aside``), or when events were left out that
    this version cannot read (``needs_rebuild``). ``rebuild`` is the table that is being made beside
    it, and ``failed`` why the last one was given up. ``notes`` says all of this in sentences.
    """

    name: str
    version: int
    status: Literal["ok", "building", "stopped", "stale"]
    build: int | None
    position: int
    lag: int
    rebuild: RebuildView | None
    failed: str | None
    stale_since: str | None
    error: str | None
    needs_rebuild: bool
    rows_set_aside: int
    set_aside: list[SetAside]
    notes: list[str]


class ProjectionsView(msgspec.Struct, frozen=True):
    """All of them, and the position that the log has reached."""

    projections: list[ProjectionView]
    position: int


@get(
    "/v1/projections",
    summary="The projections",
    tags=["operations"],
    opt=described(
        Answer(200, "All of them.", (json_of(ProjectionsView, examples.PROJECTIONS),)), BUSY
    ),
)
async def list_projections(rooms: Rooms) -> Response[ProjectionsView]:
    """How every projection is."""
    head = await rooms.store.head()
    return Response(
        ProjectionsView([_view(one, head) for one in await rooms.catalog.standings()], head)
    )


@get(
    "/v1/projections/{name:str}",
    summary="A projection's rows",
    tags=["operations"],
    opt=described(
        Answer(200, "Some of its rows.", (json_of(Rows, examples.ROWS),)),
        NO_PROJECTION,
        NO_POSITION,
        BUSY,
    ),
)
async def list_rows(
    name: Name,
    rooms: Rooms,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_ROWS, description="How many at most.")] = 50,
    cursor: Annotated[
        str | None,
        QueryParameter(max_length=LONGEST_KEY, description="The `next` of the page before."),
    ] = None,
    key: Annotated[
        str | None, QueryParameter(max_length=LONGEST_KEY, description="Only the row of this key.")
    ] = None,
    min_position: MinPosition = 0,
) -> Response[Rows]:
    """Rows in the order of their keys, each with its state."""
    await reach_rows(min_position, name, rooms)
    return Response(await rooms.catalog.rows(name, limit=limit, after=cursor, key=key))


@post(
    "/v1/projections/{name:str}/rebuild",
    summary="Make a projection anew",
    tags=["operations"],
    status_code=202,
    opt=described(
        Answer(
            202,
            "It is being made beside the one that is read, which it will replace.",
            (json_of(RebuildView, examples.REBUILD),),
        ),
        NO_PROJECTION,
        BUSY,
    ),
)
async def rebuild(name: Name, rooms: Rooms) -> Response[RebuildView]:
    """Fold it from the whole log again; asked twice, it is done once. Reads go on meanwhile."""
    build = await rooms.catalog.rebuild(name)
    return Response(RebuildView(build=build.build, position=build.position), status_code=202)


def _view(standing: Standing, head: int) -> ProjectionView:
    read = standing.read
    position = read.position if read else 0
    making = standing.building
    needs_rebuild = read is not None and read.unreadable is not None
    status: Literal["ok", "building", "stopped", "stale"] = "ok"
    if read is None:
        status = "building"
    elif read.stopped_at is not None:
        status = "stopped"
    elif standing.rows_set_aside or needs_rebuild:
        status = "stale"
    return ProjectionView(
        name=standing.name,
        version=standing.version,
        status=status,
        build=read.build if read else None,
        position=position,
        lag=max(0, head - position),
        rebuild=RebuildView(build=making.build, position=making.position) if making else None,
        failed=standing.failed.error if standing.failed else None,
        stale_since=timestamp(read.stale_since) if read else None,
        error=read.error if read else None,
        needs_rebuild=needs_rebuild,
        rows_set_aside=standing.rows_set_aside,
        set_aside=standing.set_aside,
        notes=wrong_with(_condition(standing), head=head),
    )


def _condition(standing: Standing) -> Condition:
    """The same in the words of the service's health."""
    read = standing.read
    stopped = None
    if read is not None and read.stopped_at is not None:
        stopped = Poison(None, read.stopped_at, read.stale_since or 0, read.error or "")
    return Condition(
        name=standing.name,
        version=standing.version,
        position=read.position if read else 0,
        building=standing.building.position if standing.building else None,
        failing=None,
        failed=standing.failed.error if standing.failed else None,
        stopped=stopped,
        set_aside={one.key: (one.position, one.error) for one in standing.set_aside},
        unreadable=read.unreadable if read else None,
    )
