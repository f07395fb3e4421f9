"""How long to wait before the next attempt (pure)."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.broker import expression
from service.broker.durations import go_seconds
from service.broker.message import Headers

__all__ = ["LONGEST", "default_backoff", "delay_before_next"]

SECOND = 1_000_000
LONGEST = 86_400 * SECOND
HINTS = (
    "retry-after",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
)
_SECONDS = re.compile(r"[0-9]{1,15}(\.[0-9]{0,9})?")


def delay_before_next(*, retried: int, written: str | None, hints: Headers, at: int) -> int:
    """Microseconds between the end of a failed attempt and the next one.

    `retried` counts the retries so far. A hint of the destination comes first, in the order of
    HINTS; then the publisher's expression; then the default backoff.
    """
    hinted = _hinted(hints, at)
    if hinted is not None:
        return hinted
    if written is not None:
        milliseconds = expression.evaluate(expression.parse(written), retried)
        if milliseconds is not None:
            return _between(milliseconds * 1000)
    return default_backoff(retried)


def default_backoff(retried: int) -> int:
    """min(1 day, e^(2.5 n)) for the n-th retry: 12 s, 2 m 28 s, 30 m 8 s, 6 h 7 m 6 s, 1 day ..."""
    # e^(2.5 * 5) is past a day already; larger powers would overflow in the end.
    power = min(5, retried + 1)
    return min(LONGEST, math.floor(math.exp(2.5 * power)) * SECOND)


def _between(microseconds: float) -> int:
    return int(min(float(LONGEST), max(0.0, microseconds)))


def _hinted(headers: Headers, at: int) -> int | None:
    values = {name.lower(): value for name, value in reversed(headers)}
    for name in HINTS:
        if name in values:
            microseconds = _wished(values[name].strip(), at)
            if microseconds is not None and microseconds <= LONGEST:
                return int(microseconds)
    return None


def _wished(text: str, at: int) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text) * SECOND
    seconds = go_seconds(text)
    if seconds is not None:
        return seconds * SECOND
    return _until(text, at)


def _until(text: str, at: int) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    now = datetime.fromtimestamp(at / SECOND, UTC)
    return max(0.0, (moment - now).total_seconds() * SECOND)
