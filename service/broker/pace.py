"""Is the disk quick enough to be waited for in the event loop?"""

from collections.abc import Callable
from time import perf_counter

__all__ = ["QUICK_SECONDS", "Pace"]

QUICK_SECONDS = 0.001
"""Going to a thread and hearing of it costs a busy event loop about as much."""
WEIGHT = 1 / 16
"""What the newest commit counts in the average."""


class Pace:
    """How long commits have taken of late. The broker's own: it shares no code with the log."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        """`clock` in seconds."""
        self._clock = clock
        self._average = 10 * QUICK_SECONDS  # it has to show first that it is quick

    @property
    def quick(self) -> bool:
        """Whether the next commit may be expected to take less than `QUICK_SECONDS`."""
        return self._average < QUICK_SECONDS

    def timed(self, commit: Callable[[], None]) -> None:
        """Commits, and takes note of how long that took."""
        began = self._clock()
        commit()
        self._average += WEIGHT * (self._clock() - began - self._average)
