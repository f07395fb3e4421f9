"""Which state of things a question is about: not older than a position, or a past moment."""

from typing import Annotated

from litestar.params import QueryParameter

from service.moments import LARGEST
from service.web.described import problem_answer
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

NO_POSITION = problem_answer(
    409,
    "The log does not have the position `min_position` (yet).",
    title="No such position",
    detail="The log ends at position 18422; is min_position=99999 from another server?",
)


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
