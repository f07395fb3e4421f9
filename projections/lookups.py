"""Questions about documents and the queue; whoever wrote can wait until the answer includes it."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import Connection

from events.database import Database
from events.wakeup import Wakeup
from projections import queues
from projections.document_rows import DocumentRows
from projections.documents import Tracked
from projections.queues import QueueView

PATIENCE_SECONDS = 2.0
"""How long a question waits for the tables to reach the position that it asks for."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Documents as they are at ``position``, the newest first.

    ``before`` is what to ask for next, ``None`` if there is no more.
    """

    position: int
    documents: Sequence[Tracked]
    before: int | None


class Lookups:
    """Answers from the tables."""

    def __init__(
        self,
        database: Database,
        applied: Wakeup,
        *,
        minutes: Wakeup | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """``applied`` tells how far the documents' table is, ``minutes`` that of the minutes."""
        self._database = database
        self._applied = applied
        self._minutes = minutes or applied
        self._patience = patience_seconds

    @property
    def position(self) -> int:
        """How far of the log all tables tell."""
        return min(self._applied.head, self._minutes.head)

    async def reach(self, position: int) -> bool:
        """Wait until the documents' table includes this position; ``False`` if it takes long."""
        return await reached(position, self._applied, patience=self._patience)

    async def reach_all(self, position: int) -> bool:
        """Wait until all that the queue's numbers are made of includes this position."""
        return await reached(position, self._applied, self._minutes, patience=self._patience)

    async def document(self, document_id: str) -> Tracked | None:
        """The document of this id."""
        return await self._database.read(lambda its: DocumentRows(its).one(document_id))

    async def page(
        self, *, limit: int, before: int | None, status: Sequence[str], owner: str | None
    ) -> Page:
        """Documents as they are now; ``before`` is that of the page before."""

        def work(connection: Connection) -> Page:
            rows = DocumentRows(connection)
            found = rows.page(limit=limit + 1, before=before, status=status, owner=owner)
            return page_of(found, limit=limit, position=rows.position)

        return await self._database.read(work)

    async def unfinished(self) -> tuple[int, list[Tracked]]:
        """Every document that is not at rest, and the position that the answer tells of."""

        def work(connection: Connection) -> tuple[int, list[Tracked]]:
            rows = DocumentRows(connection)
            return rows.position, rows.unfinished()

        return await self._database.read(work)

    async def refers_to(self, blob_ref: str) -> bool:
        """Whether any document lies in this object."""
        return await self._database.read(lambda its: DocumentRows(its).refers_to(blob_ref))

    async def queue(self, *, now: int, minutes: int) -> QueueView:
        """The queue now, and its last minutes."""
        return await self._database.read(partial(queues.queue, now=now, minutes=minutes))


def page_of(found: Sequence[Tracked], *, limit: int, position: int) -> Page:
    """A page of these documents; one more than ``limit`` says that another page follows."""
    before = found[limit - 1].first_position if len(found) > limit else None
    return Page(position=position, documents=found[:limit], before=before)


async def reached(position: int, *tables: Wakeup, patience: float) -> bool:
    """Wait until all these tables tell of this position; ``False`` if it takes long."""
    try:
        async with asyncio.timeout(patience):
            for applied in tables:
                while applied.head < position:
                    await applied.wait_beyond(position - 1)
    except TimeoutError:
        return False
    return True
