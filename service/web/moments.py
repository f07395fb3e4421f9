"""Which state of things a question is about: not older than a position, or a past moment."""

from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from service.moments import LARGEST, Time, parsed, place
from service.web.described import POSITION_OR_TIME, problem_answer
from service.web.problems import Problem
from service.web.rooms import ServiceRooms

MinPosition = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=LARGEST,
        description="Wait, two seconds at most, until the answer tells of this log position: "
        "the `position` of an earlier answer.",
    ),
]

AsOf = Annotated[
    str | None,
    QueryParameter(
        description="How it was then: right behind a log position, or at an RFC 3339 time with its "
        "zone. The answer is that of a fresh replay up to there.",
        schema_extra={"format": POSITION_OR_TIME},
    ),
]

NO_POSITION = problem_answer(
    409,
    "The log does not have the position `min_position` or `as_of` (yet), or the time `as_of` has "
    "not come.",
    title="No such position",
    detail="The log ends at position 18422; is min_position=99999 from another server?",
)


ARCHIVED = problem_answer(
    410,
    "The events up to `as_of` are no longer in the database.",
    title="Archived",
    detail="position 12 is archived: the database begins behind position 65536; read from there, "
    "or from the archive",
)


class Then(msgspec.Struct, frozen=True):
    """A past moment: everything up to ``position``, at the time ``now`` (microseconds)."""

    position: int
    now: int


async def asked(as_of: str | None, rooms: ServiceRooms) -> Then | None:
    """The moment that a question is about; ``None`` if it is about now.

    Raises ``NotAMoment``, ``NotYet`` and ``Archived``.
    """
    if as_of is None:
        return None
    moment = parsed(as_of)
    position = await place(moment, rooms.store, now=rooms.clock())
    if isinstance(moment, Time):
        return Then(position, moment.microseconds)
    last = await rooms.store.read_all(after=position - 1, limit=1) if position else []
    return Then(position, last[0].recorded_at if last else 0)


async def reach(position: int, rooms: ServiceRooms) -> None:
    """Wait until the documents' table tells of this position; raises a 503 after two seconds."""
    await _exists(position, rooms)
    if position and not await rooms.lookups.reach(position):
        raise _behind(position, rooms.lookups.position)


async def reach_queue(position: int, rooms: ServiceRooms) -> None:
    """The same for the tables behind the queue's numbers."""
    await _exists(position, rooms)
    if position and not await rooms.lookups.reach_all(position):
        raise _behind(position, rooms.lookups.position)


async def reach_rows(position: int, name: str, rooms: ServiceRooms) -> None:
    """The same for the rows of any projection."""
    await _exists(position, rooms)
    if position and not await rooms.catalog.reach(name, position):
        raise _behind(position, rooms.catalog.position(name))


async def _exists(position: int, rooms: ServiceRooms) -> None:
    if position and position > (head := await rooms.store.head()):
        raise Problem(
            409,
            "No such position",
            f"The log ends at position {head}; is min_position={position} from another server?",
        )


def _behind(position: int, reached: int) -> Problem:
    return Problem(
        503,
        "Not there yet",
        f"The tables tell of position {reached}, and not of {position} yet; try again.",
        position=reached,
        lag=position - reached,
    )
