"""A client that keeps what it was told, drops its connection at random, and never forgives."""

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from projections.reads import Selection
from service.feed.client import Subscription
from service.feed.hub import Hub
from tests.feed_reader import Event, parsed
from tests.property.feed_world import Log, selects


class Lied(AssertionError):
    """The feed broke a promise."""


@dataclass
class Follower:
    """Follows a selection through the hub until it is told to stop."""

    log: Log
    hub: Hub
    chance: random.Random
    selection: Selection
    cursor: str | None = None
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    connections: int = 0
    patient: bool = False
    """From now on it keeps its connection."""
    _newest: int = 0
    _named: set[str] | None = None
    _cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        while True:
            self.connections += 1
            self._newest = 0
            cut = self._cut = asyncio.Event()
            subscription = Subscription(
                selection=self.selection, cursor=self.cursor, until_done=False, address=""
            )
            await self.hub.attend(subscription, partial(self._write, cut), partial(_set, cut))
            await self.log.turns()

    def cut(self) -> None:
        self._cut.set()

    @property
    def true(self) -> bool:
        """Whether it knows the newest state of everything that it follows."""
        wanted = {
            key: one.position
            for key, one in self.log.documents.items()
            if selects(self.selection, one)
        }
        known = {key: one["position"] for key, one in self.states.items()}
        return all(known.get(key) == position for key, position in wanted.items())

    async def _write(self, cut: asyncio.Event, data: bytes, more: bool) -> None:
        await self.log.turns()
        if cut.is_set():
            return
        for event in self._before_a_cut(data, cut):
            self._take(event)
        if not more:
            cut.set()

    def _before_a_cut(self, data: bytes, cut: asyncio.Event) -> list[Event]:
        heard = list(parsed(data.decode()))
        if self.patient or self.chance.random() > 0.04:
            return heard
        # The connection breaks inside this write: only whole messages before the break count.
        cut.set()
        return heard[: self.chance.randrange(len(heard) + 1)]

    def _take(self, event: Event) -> None:
        match event.name:
            case "reset":
                self._named = set()
                self.states.clear()
            case "snapshot":
                for state in event.data["docs"]:
                    self.states[state["id"]] = state
            case "status":
                self._take_status(event)
        if event.id is not None:
            self._hold(event)

    def _take_status(self, event: Event) -> None:
        position = event.data["position"]
        if position != event.position:
            raise Lied(f"a state of {position} came with the cursor of {event.position}")
        if position <= self._newest:
            raise Lied(f"{position} came after {self._newest}")
        known = self.states.get(event.data["id"])
        if known is not None and known["position"] > position:
            raise Lied(f"{event.data['id']} went back to {position}")
        self.states[event.data["id"]] = event.data

    def _hold(self, event: Event) -> None:
        """With a cursor in hand, everything up to it must be known, or outdated since."""
        if event.position < self._newest:
            raise Lied(f"the cursor went back from {self._newest} to {event.position}")
        self._newest = event.position
        self.cursor = event.id
        newest_until: dict[str, int] = {}
        newest: dict[str, int] = {}
        for position, document_id in self.log.changes:
            newest[document_id] = position
            if position <= event.position:
                newest_until[document_id] = position
        for document_id, position in newest_until.items():
            if not selects(self.selection, self.log.documents[document_id]):
                continue
            known = self.states.get(document_id, {"position": 0})["position"]
            if known < position and newest[document_id] <= event.position:
                raise Lied(f"the cursor {event.position} skips {document_id} at {position}")


async def _set(event: asyncio.Event) -> None:
    await event.wait()
