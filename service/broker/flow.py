"""Flow control: how many attempts of a key may start, and run at once (pure; no clock, no I/O)."""

from msgspec import Struct
from msgspec.structs import replace

from service.broker.durations import seconds_of
from service.broker.errors import Malformed

__all__ = ["FlowControl", "FlowState", "flow_control"]

SECOND = 1_000_000
LONGEST_PERIOD = 7 * 86400
LONGEST_KEY = 256


class FlowControl(Struct, frozen=True, kw_only=True):
    """What one message says about its key."""

    key: str
    parallelism: int | None = None
    rate: int | None = None
    period: int = 1


class FlowState(Struct, frozen=True, kw_only=True):
    """What holds for a key at one moment, and how much of it is used; `period` in seconds."""

    key: str
    parallelism: int | None
    rate: int | None
    period: int
    paused: bool
    pinned_parallelism: bool
    pinned_rate: bool
    period_start: int
    rate_count: int
    waiting: int
    active: int

    @property
    def period_end(self) -> int:
        """When the rate count begins anew."""
        return self.period_start + self.period * SECOND

    def at(self, now: int) -> "FlowState":
        """The same key at a later moment: a period that is over counts no longer."""
        # A period that begins in the future was begun before the clock was set back.
        if self.period_start <= now < self.period_end:
            return self
        return replace(self, period_start=now, rate_count=0)

    def may_start(self, most: int) -> int:
        """How many attempts may start now, up to `most`."""
        if self.paused:
            return 0
        if self.parallelism is not None:
            most = min(most, self.parallelism - self.active)
        if self.rate is not None:
            most = min(most, self.rate - self.rate_count)
        return max(0, most)

    def ready_again(self) -> int | None:
        """When a key that holds messages back is worth a look; None: when something happens."""
        full = self.parallelism is not None and self.active >= self.parallelism
        if self.paused or full or self.rate is None or self.rate_count < self.rate:
            return None
        return self.period_end


def flow_control(key: str, value: str) -> FlowControl:
    """Reads `Upstash-Flow-Control-Key` and `-Value` (`parallelism=3, rate=10, period=1m`)."""
    if not key or len(key) > LONGEST_KEY:
        raise Malformed(
            f"Upstash-Flow-Control-Key: it has {len(key)} characters; "
            f"give it between 1 and {LONGEST_KEY}"
        )
    parts = dict(_part(part) for part in value.split(",") if part.strip())
    return FlowControl(
        key=key,
        parallelism=_count(parts, "parallelism"),
        rate=_count(parts, "rate"),
        period=_period(parts.get("period", "1s")),
    )


def _part(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    name = name.strip().lower()
    if name not in ("parallelism", "rate", "period"):
        raise Malformed(
            f"Upstash-Flow-Control-Value: {part.strip()!r} is not known; "
            "it takes parallelism=, rate= and period="
        )
    return name, value.strip()


def _count(parts: dict[str, str], name: str) -> int | None:
    if name not in parts:
        return None
    text = parts[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
        raise Malformed(f"Upstash-Flow-Control-Value: {name}={text!r} is no number of at least 1")
    return int(text)


def _period(text: str) -> int:
    bare = text.isascii() and text.isdigit() and len(text) < 10
    name = "Upstash-Flow-Control-Value period"
    seconds = int(text) if bare else seconds_of(text, name=name)
    if not 1 <= seconds <= LONGEST_PERIOD:
        raise Malformed(f"{name}: {text!r} is not between 1 second and 7 days")
    return seconds
