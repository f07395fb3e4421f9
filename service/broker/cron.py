"""Five cron fields, in UTC or in a zone named by `CRON_TZ=`: when is the next time (pure)?

Daylight saving is treated as Debian's cron does. A job whose minute and hour are both fixed runs
once on every day that it names: in a gap, right after it; in a repeated hour, the first time. A job
with a star in minute or hour follows the hands of the clock.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from service.broker.errors import Malformed

__all__ = ["Cron", "next_after", "parse"]

LONGEST = 256
FIELDS = 5
SECOND = 1_000_000
_ZONE = "CRON_TZ="
_ANY_MOMENT = 0
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
    zone = _zone(cron.zone)
    now = datetime.fromtimestamp(at // SECOND, tz=UTC)
    times = CronSim(cron.fields, now.astimezone(zone))
    # Within a repeated hour the first times that come out are those of its first round.
    for time in times:
        found = int(time.timestamp()) * SECOND
        if found > at:
            return found
    return None


def _zone(name: str | None) -> tzinfo:
    return UTC if name is None else ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _ANOTHER_EVERYWHERE


def _refusal(text: str, reason: str) -> Malformed:
    return Malformed(f"Upstash-Cron: {text[:80]!r}: {reason}")
