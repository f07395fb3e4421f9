"""A log in memory that many clients follow through the hub, and everything that can get in the way.

Reads take a random number of turns of the loop, writes do now and then, connections end at any
moment, also in the middle of a write, and beats come at any time. Everything follows from a seed.
"""

import asyncio
import hashlib
import random
from collections.abc import Mapping

from events.document.state import Document, Status
from projections.documents import Tracked
from projections.reads import Selection
from service.feed.hub import Hub
from service.feed.limits import FeedLimits

EPOCH = "k3f9"
OWNERS = ("ann", "bob")
DOCUMENTS = tuple(f"d{number}" for number in range(6))
LIMITS = FeedLimits(
    tick=(0.0, 0.0), beat=0.0, waiting=4, replay=6, batch=2, patience=1, max_age=1e9, slow=1e9
)


def chain_at(position: int) -> bytes:
    return hashlib.sha256(str(position).encode()).digest() if position else bytes(32)


class Log:
    """The documents as they are, and the tables that follow a little later."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.head = 0
        self.applied = 0
        self.documents: dict[str, Tracked] = {}
        self.changes: list[tuple[int, str]] = []
        """Position and document of everything that ever happened."""

    async def snapshot(self, selection: Selection, *, limit: int) -> tuple[int, list[Tracked]]:
        await self.turns()
        answer = self.applied, self._selected(selection)[-limit:]
        await self.turns()
        return answer

    async def changed(
        self, selection: Selection, *, after: int, limit: int
    ) -> tuple[int, list[Tracked]]:
        await self.turns()
        found = [one for one in self._selected(selection) if one.position > after]
        answer = self.applied, found[:limit]
        await self.turns()
        return answer

    async def chain(self, position: int) -> bytes | None:
        return chain_at(position) if position <= self.head else None

    async def chains(self, *, after: int, upto: int) -> Mapping[int, bytes]:
        await self.turns()
        return {position: chain_at(position) for position in range(after + 1, upto + 1)}

    def change(self) -> Tracked:
        """Something happens to some document."""
        self.head += 1
        document_id = self._chance.choice(DOCUMENTS)
        tracked = a_document(
            document_id,
            position=self.head,
            status=self._chance.choice(list(Status)),
            owner=OWNERS[hash_of(document_id) % 2],
        )
        self.documents.pop(document_id, None)
        self.documents[document_id] = tracked
        self.changes.append((self.head, document_id))
        self.applied = self.head
        return tracked

    async def turns(self) -> None:
        """Let others go first, sometimes."""
        for _ in range(self._chance.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)

    def _selected(self, selection: Selection) -> list[Tracked]:
        # In the order of positions, because a changed document goes to the end.
        return [one for one in self.documents.values() if selects(selection, one)]


def hash_of(document_id: str) -> int:
    return hashlib.sha256(document_id.encode()).digest()[0]


def selects(selection: Selection, tracked: Tracked) -> bool:
    if selection.documents is not None:
        return tracked.document.id in selection.documents
    return selection.owner in (None, tracked.document.owner)


def a_document(
    document_id: str, *, position: int, status: Status = Status.QUEUED, owner: str = "ann"
) -> Tracked:
    return Tracked(
        document=Document(
            id=document_id,
            blob_ref="b",
            sha256=None,
            bytes=None,
            name=document_id,
            owner=owner,
            content_type="application/pdf",
            processor="pdf-text",
            waiting_since=0,
            status=status,
        ),
        position=position,
        first_position=position,
        created_at=0,
        updated_at=position,
        heard_at=None,
        version=1,
    )


def a_hub(log: Log, kind: type[Hub], chance: random.Random) -> Hub:
    return kind(
        log,
        epoch=EPOCH,
        limits=LIMITS,
        clock=lambda: 0,
        elapsed=lambda: 0.0,
        jitter=chance.uniform,
    )
