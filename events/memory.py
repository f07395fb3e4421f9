"""The log in a list: for tests and examples."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from events.codec import CODEC, Codec
from events.decoding import recorded
from events.errors import Archived, InvalidEvent
from events.heads import START, Head, stage
from events.intake import admit
from events.privacy import Privacy
from events.store import PAGE, Append, Appended, Recorded, Stored
from events.verify import Verifier
from events.wakeup import Wakeup


class MemoryEventStore:
    """Keeps the promise of ``EventStore`` as long as the process lives."""

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        epoch: str = "memory",
        codec: Codec = CODEC,
        privacy: Privacy | None = None,
    ) -> None:
        self.wakeup = Wakeup()
        self._clock = clock
        self._epoch = epoch
        self._codec = codec
        self._privacy = privacy
        self._events: list[Stored] = []
        self._versions: dict[str, int] = {}
        self._head = START
        self._floor = 0

    async def append(self, append: Append) -> Appended:
        """Store the events; see ``EventStore``."""
        sealed = append.events if self._privacy is None else await self._privacy.seal(append.events)
        admitted = admit(append, sealed=sealed, codec=self._codec)
        batch = stage(
            [admitted],
            head=self._head,
            versions=self._versions,
            now=self._clock(),
            earlier=self._earlier,
        )
        outcome = batch.outcomes[0]
        if not isinstance(outcome, Appended):
            raise outcome
        self._take([one.stored for one in batch.staged], batch.versions, batch.head)
        if self._privacy is not None and outcome.repeated:
            return replace(outcome, recorded=await self._privacy.open(outcome.recorded))
        return outcome

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``."""
        return await self._opened(self._of(stream, after))

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events behind the position ``after``; raises ``Archived``."""
        return await self._opened(self._page(after, limit))

    async def read_stored(self, *, after: int, limit: int = PAGE) -> list[Stored]:
        """The same page as it is stored."""
        return self._page(after, limit)

    async def restore(self, stored: Sequence[Stored]) -> None:
        """Take these events as they are; see ``EventStore``."""
        verifier = Verifier(self._head, self._versions)
        damage = verifier.check(stored)
        if damage is not None:
            raise InvalidEvent(f"position {damage.position} does not follow: {damage.why}")
        self._take(stored, {event.stream: event.version for event in stored}, verifier.head)

    async def head(self) -> int:
        """The highest position."""
        return self._head.position

    async def floor(self) -> int:
        """The highest archived position."""
        return self._floor

    async def position_at(self, microseconds: int) -> int:
        """The last position recorded at this time or before."""
        found = bisect_right(self._events, microseconds, key=lambda event: event.recorded_at)
        return self._floor + found

    async def epoch(self) -> str:
        """The name given at construction."""
        return self._epoch

    def archive(self, upto: int) -> None:
        """Let go of the positions up to this one; the last event stays."""
        del self._events[: min(upto, self._head.position - 1) - self._floor]
        self._floor = self._events[0].position - 1

    def _take(self, stored: Sequence[Stored], versions: Mapping[str, int], head: Head) -> None:
        self._events.extend(stored)
        self._versions.update(versions)
        self._head = head
        self.wakeup.announce(head.position)

    def _page(self, after: int, limit: int) -> list[Stored]:
        if after < self._floor:
            raise Archived(after + 1, self._floor)
        start = after - self._floor
        return self._events[start : start + limit]

    def _of(self, stream: str, after: int) -> list[Stored]:
        return [e for e in self._events if e.stream == stream and e.version > after]

    def _earlier(self, stream: str, after: int, limit: int) -> list[Recorded]:
        return [recorded(event, self._codec) for event in self._of(stream, after)[:limit]]

    async def _opened(self, stored: Sequence[Stored]) -> list[Recorded]:
        decoded = [recorded(event, self._codec) for event in stored]
        return decoded if self._privacy is None else await self._privacy.open(decoded)
