"""The log in a list: for tests and examples."""

from collections.abc import Callable

from events.chain import GENESIS
from events.errors import Conflict
from events.heads import Head, stage
from events.store import PAGE, Append, Appended, Recorded
from events.wakeup import Wakeup


class MemoryEventStore:
    """Keeps the promise of ``EventStore`` as long as the process lives."""

    def __init__(self, clock: Callable[[], int], *, epoch: str = "memory") -> None:
        self.wakeup = Wakeup()
        self._clock = clock
        self._epoch = epoch
        self._events: list[Recorded] = []
        self._versions: dict[str, int] = {}
        self._head = Head(0, 0, GENESIS)

    async def append(self, append: Append) -> Appended:
        """Store the events; raises ``Conflict``."""
        batch = stage([append], head=self._head, versions=self._versions, now=self._clock())
        outcome = batch.outcomes[0]
        if isinstance(outcome, Conflict):
            raise outcome
        self._events.extend(one.recorded for one in batch.staged)
        self._versions.update(batch.versions)
        self._head = batch.head
        self.wakeup.announce(self._head.position)
        return outcome

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``."""
        return [e for e in self._events if e.stream == stream and e.version > after]

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events behind the position ``after``."""
        return self._events[after : after + limit]

    async def head(self) -> int:
        """The highest position."""
        return self._head.position

    async def epoch(self) -> str:
        """The name given at construction."""
        return self._epoch
