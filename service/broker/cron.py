"""Five cron fields, in UTC or in a zone named by `CRON_TZ=`: when is the next time (pure)?

Daylight saving is treated as Debian's cron does. A job whose minute and hour are both fixed runs
once on every day that it names: in a gap, right after it; in a repeated hour, the first time. A job
with a star in minute or hour follows the hands of the clock.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from service.broker.errors import Malformed

__all__ = ["Cron", "follows_the_hands", "next_after", "parse"]

LONGEST = 256
FIELDS = 5
SECOND = 1_000_000
_ZONE = "CRON_TZ="
_ANY_MOMENT = 0
_DAY = timedelta(days=1)
_RESOLUTION = timedelta(seconds=1)
_ONE_VALUE = re.compile(r"\b(\w+)-\1/\d+\b")
_ANOTHER_EVERYWHERE = {"Factory", "localtime", "posixrules"}
"""Files among the zones that mean something else on each machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """An expression that is known to have a next time, as it was written, without blanks around."""

    text: str
    fields: str
    zone: str | None = None


def parse(text: str) -> Cron:
    """The expression, or `Malformed` with the part that is none."""
    written = text.strip()
    if len(written) > LONGEST:
        raise _refusal(written, f"it is longer than {LONGEST} characters")
    zone, fields = None, written
    if written.startswith(_ZONE):
        zone, _, fields = written[len(_ZONE) :].partition(" ")
        if zone not in _zones():
            raise _refusal(written, f"{zone!r} is no time zone; write one such as Europe/Berlin")
    count = len(fields.split())
    if count != FIELDS:
        raise _refusal(
            written, f"it has {count} fields; write minute, hour, day, month and weekday"
        )
    # The library takes a span of one value with a step for "from there on".
    cron = Cron(text=written, fields=_ONE_VALUE.sub(r"\1", fields), zone=zone)
    try:
        if next_after(cron, _ANY_MOMENT) is None:
            raise _refusal(written, "there is no such day")
    except CronSimError as error:
        raise _refusal(written, str(error)) from error
    return cron


def next_after(cron: Cron, at: int) -> int | None:
    """The first time after `at`, in microseconds since the epoch; None when there is none."""
    now = datetime.fromtimestamp(at // SECOND, tz=UTC)
    if cron.zone is None:
        return _at(_first(cron.fields, now))
    zone = ZoneInfo(cron.zone)
    if follows_the_hands(cron):
        return _at(_by_the_hands(cron.fields, now, zone))
    return _at(_first(cron.fields, now.astimezone(zone)))


def follows_the_hands(cron: Cron) -> bool:
    """Whether it has a star in minute or hour; otherwise it runs once on each of its days."""
    minute, hour, *_ = cron.fields.split()
    return minute.startswith("*") or hour.startswith("*")


def _first(fields: str, after: datetime) -> datetime | None:
    # Within a repeated hour the first times that come out are those of its first round.
    return next(
        (time for time in CronSim(fields, after) if time.timestamp() > after.timestamp()), None
    )


def _by_the_hands(fields: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first time, looked for from one change of the clocks to the next.

    The library steps over a change by whole hours, and leaves times out where it is half of one.
    """
    while True:
        found = _first(fields, after.astimezone(_hands(after, zone)))
        if found is None:
            return None
        change = _change(after, found, zone)
        if change is None:
            return found
        after = change - _RESOLUTION


def _hands(at: datetime, zone: ZoneInfo) -> timezone:
    """As far from UTC as the hands of the clock are right after this moment."""
    return timezone((at + _RESOLUTION).astimezone(zone).utcoffset() or timedelta())


def _change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """When the clocks change first, after one second of the first moment and up to the second."""
    hands = _hands(after, zone)
    sooner = after + _RESOLUTION
    while sooner < until:
        later = min(sooner + _DAY, until)
        if later.astimezone(zone).utcoffset() != hands.utcoffset(None):
            while later - sooner > _RESOLUTION:
                middle = sooner + (later - sooner) // _RESOLUTION // 2 * _RESOLUTION
                same = middle.astimezone(zone).utcoffset() == hands.utcoffset(None)
                sooner, later = (middle, later) if same else (sooner, middle)
            return later
        sooner = later
    return None


def _at(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp()) * SECOND


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _ANOTHER_EVERYWHERE


def _refusal(text: str, reason: str) -> Malformed:
    return Malformed(f"Upstash-Cron: {text[:80]!r}: {reason}")
