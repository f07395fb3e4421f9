"""One open stream: how far it was told, and what waits for it while it cannot take more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from projections.reads import Selection
from service.feed.frames import Frame

Write = Callable[[bytes, bool], Awaitable[None]]
"""Sends bytes to the client; the flag tells whether more follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a client asked for."""

    selection: Selection
    cursor: str | None
    until_done: bool
    address: str


class Client:
    """The state of a stream. The hub decides; here is only what it needs to know."""

    __slots__ = (
        "beat",
        "busy",
        "cap",
        "closed",
        "deadline",
        "evicted",
        "farewell",
        "floor",
        "helper",
        "lagging",
        "mark",
        "subscription",
        "task",
        "touched_at",
        "unfinished",
        "waiting",
        "write",
    )

    def __init__(
        self, subscription: Subscription, write: Write, *, now: float, deadline: float, cap: int
    ) -> None:
        self.subscription = subscription
        self.write = write
        self.deadline = deadline
        self.cap = cap
        self.touched_at = now
        """When the write before, or the one that is under way, began."""
        self.task: asyncio.Task[object] | None = None
        """The request; it waits for the client to go."""
        self.helper: asyncio.Task[None] | None = None
        """Finishes a write that did not succeed at once."""
        self.busy = True
        """Somebody is writing to it, or has yet to send its beginning: hold everything else."""
        self.closed = False
        self.evicted = False
        self.beat: bytes | None = None
        self.farewell: bytes | None = None
        self.lagging = False
        self.floor = 0
        """It has been told everything up to here; nothing at or below may follow."""
        self.mark = ""
        """The cursor that it holds when it has read all that was written."""
        self.unfinished: set[str] = set()
        self.waiting: dict[str, Frame] = {}

    @property
    def selection(self) -> Selection:
        """Which documents it wants to hear of."""
        return self.subscription.selection

    def offer(self, frame: Frame) -> None:
        """Keep this state until it can be written; an older one of this document is obsolete."""
        if self.lagging or not self.passes(frame):
            return
        self.waiting[frame.document_id] = frame
        if len(self.waiting) > self.cap:
            self.waiting.clear()
            self.lagging = True

    def passes(self, frame: Frame) -> bool:
        """Whether this is news to the client."""
        return frame.position > self.floor

    def take(self, limit: int) -> list[Frame]:
        """What to write next, the oldest change first: the client's cursor must not skip any."""
        if len(self.waiting) == 1:
            return [self.waiting.popitem()[1]]
        frames = sorted(self.waiting.values(), key=lambda frame: frame.position)[:limit]
        for frame in frames:
            del self.waiting[frame.document_id]
        return frames

    def tell(self, frames: list[Frame]) -> None:
        """These are about to be written."""
        self.floor = frames[-1].position
        self.mark = frames[-1].cursor
        if self.subscription.until_done:
            self._count_off(frames)

    def rise(self, position: int, mark: str) -> None:
        """It knows everything up to here, from the tables; what waits may be older than that."""
        self.floor = position
        self.mark = mark
        self.waiting = {key: one for key, one in self.waiting.items() if self.passes(one)}

    def _count_off(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.final:
                self.unfinished.discard(frame.document_id)
            else:
                self.unfinished.add(frame.document_id)

    @property
    def done(self) -> bool:
        """It wanted to wait for its documents, and they are all final."""
        return self.subscription.until_done and not self.unfinished

    def evict(self) -> None:
        """End the stream without another word; its own task notices and cleans up."""
        self.closed = True
        if self.task is not None and not self.evicted:
            self.evicted = True
            self.task.cancel()
        if self.helper is not None:
            self.helper.cancel()
