"""Which of the messages in hand is sent next; no I/O, no clock.

Destinations take turns, and each has a bounded number of attempts under way: a slow one fills its
own share and nothing else. The fewer attempts are left in all, the smaller the share, so there is
always one for a destination that has none yet.
"""

from collections import deque

from service.broker.message import Message

__all__ = ["Line"]


class Line:
    """`total` attempts at once, `each` of them at most for one destination."""

    def __init__(self, *, total: int, each: int) -> None:
        self._total = total
        self._each = each
        self._under_way: dict[str, int] = {}
        self._waiting: dict[str, deque[Message]] = {}
        # Hosts with messages waiting; the first has its turn next.
        self._turns: deque[str] = deque()
        self.under_way = 0
        """How many attempts are under way."""

    def put(self, message: Message) -> None:
        """Lines a message up."""
        waiting = self._waiting.get(message.host)
        if waiting is None:
            waiting = self._waiting[message.host] = deque()
            self._turns.append(message.host)
        waiting.append(message)

    def take(self) -> Message | None:
        """The next message to send, counted as under way until `done`; None when none may go."""
        for _ in range(len(self._turns)):
            if self.under_way >= self._total:
                return None
            host = self._turns[0]
            self._turns.rotate(-1)
            if self._may_start(host):
                return self._start(host)
        return None

    def done(self, message: Message) -> None:
        """Tells that an attempt has ended."""
        self.under_way -= 1
        left = self._under_way[message.host] - 1
        if left:
            self._under_way[message.host] = left
        else:
            del self._under_way[message.host]

    @property
    def starving(self) -> bool:
        """Whether more attempts could be under way if there were messages for others."""
        return self.under_way < self._total and not any(map(self._may_start, self._turns))

    def _may_start(self, host: str) -> bool:
        under_way = self._under_way.get(host, 0)
        return under_way < min(self._each, self._total - self.under_way)

    def _start(self, host: str) -> Message:
        waiting = self._waiting[host]
        message = waiting.popleft()
        if not waiting:
            del self._waiting[host]
            self._turns.remove(host)
        self.under_way += 1
        self._under_way[host] = self._under_way.get(host, 0) + 1
        return message
