"""Do the log's tables agree with each other? What a walk along the positions cannot see."""

import msgspec
from sqlalchemy import Connection, func, or_, select

from events.reading import floor
from events.tables import events, streams


class Disagreement(msgspec.Struct, frozen=True):
    """Something that is not as it must be; the text says what and where."""

    why: str


def census(connection: Connection) -> Disagreement | None:
    """The first thing that does not fit; ``None`` if all does.

    No event lies at or below the floor, and a stream's own version is that of its last event.
    """
    lowest = floor(connection)
    below = select(events.c.position).where(events.c.position <= lowest).limit(1)
    stray = connection.execute(below).scalar_one_or_none()
    if stray is not None:
        return Disagreement(
            f"an event lies at position {stray}, and the log begins behind {lowest}"
        )
    last = (
        select(func.max(events.c.version))
        .where(events.c.stream_no == streams.c.stream_no)
        .scalar_subquery()
    )
    differs = or_(last.is_(None), last != streams.c.version)
    if lowest:
        differs = last != streams.c.version  # an archived stream has no event here
    found = select(streams.c.name, streams.c.version, last).where(differs).limit(1)
    row = connection.execute(found).one_or_none()
    if row is None:
        return None
    return Disagreement(
        f"stream {row[0]} is at version {row[1]}, and its last event is version {row[2] or 0}"
    )
