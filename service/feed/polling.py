"""The feed for clients that cannot stream: the same cursors and states, one answer at a time."""

import asyncio
from dataclasses import dataclass

import msgspec

from projections.documents import Tracked
from projections.reads import Selection
from service.feed.frames import ResetReason
from service.feed.listeners import Listeners
from service.feed.opening import Opener, Opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``states`` are those that changed since the cursor, or all of them after a reset."""

    cursor: str
    reset: ResetReason | None
    states: tuple[bytes, ...]
    more: bool

    @property
    def body(self) -> bytes:
        """The answer as JSON."""
        told = {
            "id": self.cursor,
            "reset": self.reset,
            "docs": [msgspec.Raw(state) for state in self.states],
            "more": self.more,
        }
        return msgspec.json.encode(told)


class _Waiter:
    """A long poll that waits for one of its documents to change."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.woken = asyncio.Event()


class Polling:
    """Answers at once what there is to tell, and otherwise waits for it."""

    def __init__(self, opener: Opener, *, cap: int) -> None:
        self._opener = opener
        self._cap = cap
        self._listeners: Listeners[_Waiter] = Listeners()
        self._waiting: set[_Waiter] = set()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def poll(self, selection: Selection, have: str | None, *, wait: float) -> Answer:
        """What the holder of this cursor has missed; waits for something if there is nothing."""
        if len(self._waiting) >= self._cap:
            wait = 0
        waiter = _Waiter(selection)
        # Listen first, then look: a change between the two must not be missed.
        self._waiting.add(waiter)
        self._listeners.add(waiter)
        try:
            opening = await self._opener.open(selection, have)
            if wait and _nothing(opening) and await _woken(waiter, wait):
                opening = await self._opener.open(selection, have)
            return _answer(opening, have)
        finally:
            self._listeners.discard(waiter)
            self._waiting.discard(waiter)

    def changed(self, tracked: Tracked) -> None:
        """Wake those who wait for this document."""
        for waiter in self._listeners.of(tracked.document.id, tracked.document.owner):
            waiter.woken.set()

    def release(self) -> None:
        """Let everybody go with what there is."""
        for waiter in self._waiting:
            waiter.woken.set()


def _nothing(opening: Opening) -> bool:
    return opening.states is None and not opening.changed


async def _woken(waiter: _Waiter, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await waiter.woken.wait()
    except TimeoutError:
        return False
    return True


def _answer(opening: Opening, have: str | None) -> Answer:
    unchanged = have is not None and _nothing(opening)
    return Answer(
        cursor=have if have is not None and unchanged else opening.mark,
        reset=opening.reset,
        states=opening.states or tuple(frame.state for frame in opening.changed),
        more=opening.more,
    )
