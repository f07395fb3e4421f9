"""The newest events in memory, so that those who follow closely need no database."""

from collections import deque
from collections.abc import Sequence

from events.store import Recorded

RECENT = 8192
"""How many events are kept: some 10 MB."""


class Recent:
    """A window on the end of the log, without gaps."""

    def __init__(self) -> None:
        self._events: deque[Recorded] = deque(maxlen=RECENT)

    def extend(self, events: Sequence[Recorded]) -> None:
        """Take the events that follow; a gap empties the window first."""
        for event in events:
            if self._events and event.position != self._events[-1].position + 1:
                self._events.clear()
            self._events.append(event)

    def page(self, *, after: int, limit: int) -> list[Recorded] | None:
        """The events behind ``after``, or ``None`` if they are not all here."""
        if not self._events:
            return None
        first, last = self._events[0].position, self._events[-1].position
        if after < first - 1 or after > last:
            return None
        start = after + 1 - first
        end = min(start + limit, len(self._events))
        # A deque is slow in its middle; followers ask for its end.
        return [self._events[index] for index in range(start, end)]

    def clear(self) -> None:
        """Let go of all of them."""
        self._events.clear()
