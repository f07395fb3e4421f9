"""Plays a stretch of the log again: each event at its time, and its document as it is then."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from math import inf
from typing import TYPE_CHECKING

from service.commands.endings import Unusable

if TYPE_CHECKING:
    from events.store import EventStore, Recorded
    from projections.documents import Tracked

MOST_DOCUMENTS = 4096
"""States kept in memory; one that was let go is folded from its events again."""
FASTEST = "max"


def speed_of(text: str) -> float:
    """How many times quicker than it was: ``1x``, ``60x``, ``0.5x``, or ``max``."""
    if text == FASTEST:
        return inf
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < inf:
        raise Unusable(f"{text!r} is no speed; write how many times quicker, as 60x, or {FASTEST}")
    return speed


async def played(
    store: "EventStore", *, after: int, upto: int, speed: float
) -> AsyncIterator[tuple["Recorded", "Tracked | None"]]:
    """The events behind ``after``, each at its time, with the document that it changed."""
    from service.clock import MICROSECONDS, elapsed
    from service.commands.events import pages

    states = States(store)
    began = elapsed()
    first: int | None = None
    async for page in pages(store, after=after, upto=upto):
        for event in page:
            first = event.recorded_at if first is None else first
            due = began + (event.recorded_at - first) / MICROSECONDS / speed
            if (wait := due - elapsed()) > 0:
                await asyncio.sleep(wait)
            yield event, await states.following(event)


class States:
    """Documents as they are right behind the last event that was played."""

    def __init__(self, store: "EventStore") -> None:
        from projections.documents import Documents

        self._store = store
        self._fold = Documents()
        self._known: OrderedDict[str, Tracked] = OrderedDict()

    async def following(self, event: "Recorded") -> "Tracked | None":
        """The document after this event; ``None`` if it changes none."""
        key = self._fold.key(event)
        if key is None:
            return None
        if key not in self._known and event.version > 1:
            await self._load(key, event)
        state = self._fold.fold(self._known.get(key), event)
        self._known[key] = state
        self._known.move_to_end(key)
        if len(self._known) > MOST_DOCUMENTS:
            self._known.popitem(last=False)
        return state

    async def _load(self, key: str, until: "Recorded") -> None:
        state: Tracked | None = None
        for event in await self._store.read_stream(until.stream):
            if event.position >= until.position:
                break
            state = self._fold.fold(state, event)
        if state is not None:
            self._known[key] = state
