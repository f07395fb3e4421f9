"""How much may be asked for, in windows of one length that follow each other.

QStash has two such limits: messages of a day, and other requests of a second. Each is named in the
headers of the answers that it speaks of, and a refusal carries those of its own limit only: that is
how the SDKs tell them apart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.broker.errors import RateLimited

__all__ = ["Burst", "Daily", "Rates", "day_of"]

SECOND = 1_000_000
DAY = 86_400 * SECOND

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The limits of one broker; None is no limit, and then no answer names one."""

    requests_per_second: int | None = None
    """Of everything but publishing."""

    messages_per_day: int | None = None
    """Of a day in UTC; schedules and callbacks are counted, and never refused."""


def day_of(now: int) -> int:
    """When the day of this moment began, in microseconds."""
    return now // DAY * DAY


class Burst:
    """Requests of this second."""

    def __init__(self, limit: int, *, clock: Callable[[], int]) -> None:
        self._window = _Window(limit, length=SECOND, prefix="Burst-RateLimit", clock=clock)
        self._limit = limit

    def take(self) -> Pairs:
        """Counts one request; gives the headers of its answer, or raises `RateLimited`."""
        if self._window.used >= self._limit:
            raise RateLimited(
                f"more than {self._limit} requests in one second; wait for the next second",
                headers=self._window.headers(),
            )
        self._window.count(1)
        return self._window.headers()


class Daily:
    """Messages of this day; those being written down are promised a place until they are kept."""

    def __init__(self, limit: int, *, clock: Callable[[], int], used: int = 0) -> None:
        self._window = _Window(limit, length=DAY, prefix="RateLimit", clock=clock)
        self._window.count(used)
        self._limit = limit
        self._promised = 0

    @contextmanager
    def room_for(self, messages: int) -> Iterator[None]:
        """Holds places for so many messages, or raises `RateLimited`."""
        if self._window.used + self._promised + messages > self._limit:
            raise RateLimited(
                f"{messages} more would exceed {self._limit} messages a day; "
                "the next day begins at midnight, UTC",
                headers=self._window.headers(),
            )
        self._promised += messages
        try:
            yield
        finally:
            self._promised -= messages

    def kept(self, messages: int) -> None:
        """Counts messages that were kept, whoever made them."""
        self._window.count(messages)

    def headers(self) -> Pairs:
        """The headers of an answer to a publisher."""
        return self._window.headers()


class _Window:
    def __init__(self, limit: int, *, length: int, prefix: str, clock: Callable[[], int]) -> None:
        self._limit = limit
        self._length = length
        self._prefix = prefix
        self._clock = clock
        self._number = -1
        self._used = 0

    @property
    def used(self) -> int:
        number = self._clock() // self._length
        if number != self._number:
            self._number, self._used = number, 0
        return self._used

    def count(self, number: int) -> None:
        self._used = self.used + number

    def headers(self) -> Pairs:
        remaining = max(0, self._limit - self.used)
        resets_at = (self._number + 1) * self._length // SECOND
        return (
            (f"{self._prefix}-Limit", str(self._limit)),
            (f"{self._prefix}-Remaining", str(remaining)),
            (f"{self._prefix}-Reset", str(resets_at)),
        )
