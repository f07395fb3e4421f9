"""Schedules: what is published again and again, and when (pure)."""

from msgspec import Struct
from msgspec.structs import replace

from service.broker import cron, headers
from service.broker.destination import checked
from service.broker.errors import Malformed
from service.broker.message import Headers
from service.broker.names import checked_name, is_name

__all__ = ["Schedule", "asked", "fired", "paused", "resumed", "set_back"]

_CRON = "upstash-cron"
_ID = "upstash-schedule-id"
_QUEUE = "upstash-queue-name"
_CORRECTION = 3 * 3600 * 1_000_000


class Schedule(Struct, frozen=True, kw_only=True):
    """A destination, a body and headers (lower-case), published at the times of `cron`.

    The headers are kept as they came, not what they mean: the defaults of a URL group are those of
    the moment of publishing. Times are microseconds since the epoch.
    """

    id: str
    cron: str
    destination: str
    headers: Headers
    body: bytes
    created_at: int
    caller_ip: str | None = None
    queue: str | None = None
    paused: bool = False
    next_at: int | None = None
    last_at: int | None = None
    last_messages: tuple[str, ...] = ()
    error: str | None = None
    """Why nothing could be published the last time."""


def asked(
    destination: str,
    pairs: list[tuple[str, str]],
    *,
    body: bytes,
    caller_ip: str | None,
    at: int,
    new_id: str,
) -> Schedule:
    """The schedule that a request describes; `new_id` is used when it names none."""
    given = dict(pairs)
    if _CRON not in given:
        raise Malformed("Upstash-Cron: it is missing; give five fields such as '0 4 * * *'")
    when = cron.parse(given[_CRON])
    if not is_name(destination):
        checked(destination, name="destination")
    if "upstash-not-before" in given:
        raise Malformed("Upstash-Not-Before: a schedule has no use for it; give Upstash-Delay")
    lasting = tuple(p for p in headers.kept(pairs) if p[0] not in (_CRON, _ID, _QUEUE))
    headers.read(lasting)
    queue = given.get(_QUEUE)
    return Schedule(
        id=checked_name(given[_ID], of="Upstash-Schedule-Id") if given.get(_ID) else new_id,
        cron=when.text,
        destination=destination,
        headers=lasting,
        body=body,
        created_at=at,
        caller_ip=caller_ip,
        queue=checked_name(queue, of="Upstash-Queue-Name") if queue else None,
        next_at=cron.next_after(when, at),
    )


def fired(
    schedule: Schedule, *, at: int, messages: tuple[str, ...] = (), error: str | None = None
) -> Schedule:
    """The schedule after a trigger; triggers that were missed meanwhile are one with it."""
    return replace(
        schedule,
        next_at=cron.next_after(cron.parse(schedule.cron), at),
        last_at=at,
        last_messages=messages,
        error=error,
    )


def paused(schedule: Schedule) -> Schedule:
    """The schedule without a next time."""
    return replace(schedule, paused=True, next_at=None)


def resumed(schedule: Schedule, *, at: int) -> Schedule:
    """The schedule under way again; what it missed while it was paused stays missed."""
    if not schedule.paused:
        return schedule
    next_at = cron.next_after(cron.parse(schedule.cron), at)
    return replace(schedule, paused=False, next_at=next_at)


def set_back(schedule: Schedule, *, at: int, by: int) -> Schedule:
    """The schedule after the clock was set back to `at`, by so many microseconds.

    As when daylight saving ends, a time with a star comes again and a fixed one does not. More than
    three hours are no such change, as Debian's cron has it, but the correction of a clock that was
    wrong: then all begin anew.
    """
    when = cron.parse(schedule.cron)
    if schedule.paused or not (cron.follows_the_hands(when) or by > _CORRECTION):
        return schedule
    return replace(schedule, next_at=cron.next_after(when, at))
