"""Is the disk quick enough to be waited for in the event loop?"""

from collections.abc import Callable
from time import perf_counter

QUICK_SECONDS = 0.001
"""Going to a thread and hearing of it costs a busy event loop about as much."""
WEIGHT = 1 / 16
"""What the newest wait counts in the average."""


class Pace:
    """How long the disk has been waited for of late; whoever waits for it has that ``timed``."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        """``clock`` in seconds."""
        self._clock = clock
        self._average = 10 * QUICK_SECONDS  # it has to show first that it is quick

    @property
    def quick(self) -> bool:
        """Whether the next wait may be expected to take less than ``QUICK_SECONDS``."""
        return self._average < QUICK_SECONDS

    def timed(self, work: Callable[[], None]) -> None:
        """Do what waits for the disk, and take note of how long it took."""
        began = self._clock()
        work()
        self._average += WEIGHT * (self._clock() - began - self._average)
