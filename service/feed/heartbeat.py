"""Beats for the silent, an end for the old and for the stuck: one timer for all streams."""

from collections.abc import Callable, Iterator
from itertools import cycle

from service.feed import frames
from service.feed.client import Client
from service.feed.limits import FeedLimits

SLOTS = 15


class Heartbeat:
    """Visits a fifteenth of all clients at a time."""

    def __init__(
        self,
        *,
        limits: FeedLimits,
        elapsed: Callable[[], float],
        retry: Callable[[], int],
        push: Callable[[Client], None],
        beat: Callable[[str], bytes],
    ) -> None:
        self._limits = limits
        self._elapsed = elapsed
        self._retry = retry
        self._push = push
        self._beat = beat
        self._slots: list[set[Client]] = [set() for _ in range(SLOTS)]
        self._next_to_join = cycle(self._slots)
        self._turns: Iterator[set[Client]] = cycle(self._slots)
        self._home: dict[Client, set[Client]] = {}

    @property
    def pause(self) -> float:
        """Seconds between two turns."""
        return self._limits.beat / SLOTS

    def add(self, client: Client) -> None:
        """From now on it is visited."""
        slot = next(self._next_to_join)
        slot.add(client)
        self._home[client] = slot

    def discard(self, client: Client) -> None:
        """It left."""
        self._home.pop(client, set()).discard(client)

    def turn(self, routed: int, mark: str) -> None:
        """Visit the next slot; everything up to ``routed`` has been handed to its clients."""
        now = self._elapsed()
        for client in list(next(self._turns)):
            self._visit(client, now=now, routed=routed, mark=mark)

    def _visit(self, client: Client, *, now: float, routed: int, mark: str) -> None:
        silent = now - client.touched_at
        if client.busy or client.closed:
            if silent > self._limits.slow:
                client.evict()
        elif now >= client.deadline:
            client.farewell = frames.bye("age", self._retry())
            self._push(client)
        elif silent >= self._limits.beat - self.pause:
            # It is free, so nothing waits for it: it knows all that has been routed.
            if client.floor < routed:
                client.rise(routed, mark)
            client.beat = self._beat(client.mark)
            self._push(client)
