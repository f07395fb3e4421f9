"""A client of the feed on a bare socket: it hangs up at any byte and never forgives a gap."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.feed_reader import Event, parsed

GONE = (ConnectionError, asyncio.IncompleteReadError)


@dataclass
class Truth:
    """Every change that the documents ever had, in order."""

    changes: list[tuple[int, str]] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)

    def changed(self, document_id: str, position: int) -> None:
        self.changes.append((position, document_id))
        self.newest[document_id] = position


@dataclass
class Listener:
    """Follows some documents (``None``: all) until it is cancelled."""

    url: str
    path: str
    documents: frozenset[str] | None
    truth: Truth
    chance: random.Random
    patient: bool = False
    """From now on it keeps its connection."""
    hung_up: int = 0
    states: dict[str, int] = field(default_factory=dict)
    """The newest position that it knows of each document."""
    _cursor: str | None = None
    _reached: int = 0
    _checked: int = 0
    _due: dict[str, int] = field(default_factory=dict)

    async def follow(self) -> None:
        while True:
            with suppress(*GONE):
                await self._connection()
            self.hung_up += 1
            self._check_for_gaps()

    def knows_everything(self) -> bool:
        return all(
            self.states.get(document_id) == position
            for document_id, position in self.truth.newest.items()
            if self._wants(document_id)
        )

    def _wants(self, document_id: str) -> bool:
        return self.documents is None or document_id in self.documents

    async def _connection(self) -> None:
        resumed_at, told = self._reached, self._reached
        patience = self.chance.randint(1, 2_000)
        async for event in self._events(patience):
            if event.name == "reset":
                raise AssertionError(f"a cursor of this log was refused: {event.data}")
            if event.name == "snapshot":
                for state in event.data["docs"]:
                    self.states[state["id"]] = state["position"]
            if event.name == "status":
                position = event.data["position"]
                assert position > resumed_at, f"{position} was told before {resumed_at}"
                assert position > told, f"{position} came after {told}"
                told = position
                self._learn(event.data)
            if event.id is not None:
                assert event.position >= self._reached, "the cursor went back"
                self._cursor, self._reached = event.id, event.position

    def _learn(self, state: dict[str, Any]) -> None:
        assert self._wants(state["id"]), f"{state['id']} was not asked for"
        self.states[state["id"]] = state["position"]

    def _check_for_gaps(self) -> None:
        """With a cursor in hand, all up to it is known, or has changed again since."""
        while self._checked < len(self.truth.changes):
            position, document_id = self.truth.changes[self._checked]
            if position > self._reached:
                break
            self._due[document_id] = position
            self._checked += 1
        for document_id, position in self._due.items():
            if not self._wants(document_id) or self.truth.newest[document_id] > self._reached:
                continue
            known = self.states.get(document_id, 0)
            assert known >= position, f"{self._cursor} skips {document_id} at {position}"

    async def _events(self, patience: int) -> AsyncIterator[Event]:
        """What arrives before the line is cut, somewhere within so many bytes."""
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            cursor = f"Last-Event-ID: {self._cursor}\r\n" if self._cursor else ""
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: test\r\n{cursor}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            rest = b""
            while self.patient or patience > 0:
                length = int(await reader.readline(), 16)
                if length == 0:
                    return
                data = await reader.readexactly(length + 2)
                if not self.patient:
                    data = data[: max(0, patience) + 2]
                patience -= length
                *blocks, rest = (rest + data[:-2]).split(b"\n\n")
                for event in parsed(b"\n\n".join(blocks).decode()):
                    yield event
        finally:
            writer.transport.abort()  # no goodbye: the server finds out by itself
