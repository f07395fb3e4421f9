"""Which place in the log somebody means: a position, or a time.

A position is exact. A time means every event that was recorded at it or before, and is found by
halving, because ``recorded_at`` never decreases.
"""

import re
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from events.errors import Archived, Refused, WaybillError
from projections.views import instant
from service.clock import MICROSECONDS

LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""
SHOWN = 80
EXAMPLE = "2026-11-23T14:02:00Z"

_TIME = re.compile(
    r"(?P<second>\d{4}-\d{2}-\d{2}[Tt]([01]\d|2[0-3]):\d{2}:\d{2})(\.(?P<fraction>\d+))?"
    r"(?P<zone>[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Position(msgspec.Struct, frozen=True):
    """The log up to and with this event."""

    number: int


class Time(msgspec.Struct, frozen=True):
    """The log up to and with this instant, in microseconds since the epoch."""

    microseconds: int


Moment = Position | Time


class NotAMoment(WaybillError):
    """What was written is neither a position nor a time."""

    def __init__(self, text: str) -> None:
        if _TIME.fullmatch(f"{text[:SHOWN]}Z"):
            said = f"{text[:SHOWN]!r} is a time without its zone"
        else:
            said = f"{text[:SHOWN]!r} is neither a position nor a time"
        super().__init__(
            f"{said}; write a whole number from 0 to "
            f"{LARGEST}, or an RFC 3339 time with its zone such as {EXAMPLE} "
            "(in an address a + is written %2B)"
        )


class NotYet(Refused):
    """The moment lies beyond the end of the log, or in the future."""


def parsed(text: str) -> Moment:
    """The moment in these words; raises ``NotAMoment``."""
    if text.isascii() and text.isdecimal():
        if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
            raise NotAMoment(text)
        return Position(int(text))
    found = _TIME.fullmatch(text)
    if found is None:
        raise NotAMoment(text)
    # What a fraction says beyond the microsecond is cut off: no event lies between.
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    try:
        second = datetime.fromisoformat((found["second"] + found["zone"]).upper())
    except ValueError:
        raise NotAMoment(text) from None
    since = second - _EPOCH
    return Time((since.days * 86_400 + since.seconds) * MICROSECONDS + int(fraction))


class Timeline(Protocol):
    """What has to be known of a log to find a place in it."""

    async def head(self) -> int:
        """The highest position."""
        ...

    async def floor(self) -> int:
        """The highest position that is archived."""
        ...

    async def position_at(self, microseconds: int) -> int:
        """The last position that was recorded at this time or before."""
        ...


async def place(moment: Moment, log: Timeline, *, now: int) -> int:
    """The position that it means in this log; raises ``NotYet`` and ``Archived``."""
    position = await _place(moment, log, now)
    floor = await log.floor()
    if position < floor:
        raise Archived(position, floor)
    return position


async def _place(moment: Moment, log: Timeline, now: int) -> int:
    if isinstance(moment, Time):
        if moment.microseconds > now:
            raise NotYet(
                f"{instant_or_later(moment.microseconds)} has not come yet; "
                f"here it is {instant(now)}"
            )
        return await log.position_at(moment.microseconds)
    head = await log.head()
    if moment.number > head:
        raise NotYet(
            f"the log ends at position {head}; position {moment.number} is not there "
            "(yet, or it is another server's)"
        )
    return moment.number


def instant_or_later(microseconds: int) -> str:
    """A time in words, also when no calendar of ours reaches it in UTC."""
    try:
        return instant(microseconds)
    except OverflowError:
        return "that time"
