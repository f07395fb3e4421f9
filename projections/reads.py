"""Documents and the position they were read at, in one transaction: where a feed starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from events.chain import GENESIS
from events.database import Database
from events.store import PAGE, EventStore
from projections.document_rows import DocumentRows
from projections.documents import Tracked


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which documents: those of these ids, or those of this owner, or all of them."""

    documents: frozenset[str] | None = None
    owner: str | None = None


EVERYTHING = Selection()

At = tuple[int, list[Tracked]]
"""A position, and documents as they were there."""


class DocumentReads:
    """Answers the feed's questions from the tables, and from the log what only the log knows."""

    def __init__(self, *, database: Database, store: EventStore) -> None:
        self._database = database
        self._store = store

    async def snapshot(self, selection: Selection, *, limit: int) -> At:
        """The selected documents that exist, at most ``limit`` of them: the newest."""
        return await self._database.read(partial(_snapshot, selection, limit))

    async def changed(self, selection: Selection, *, after: int, limit: int) -> At:
        """The selected documents that changed behind ``after``, the oldest change first."""
        return await self._database.read(partial(_changed, selection, after, limit))

    async def chain(self, position: int) -> bytes | None:
        """The log's chain value there; ``None`` if the log does not reach so far."""
        if position == 0:
            return GENESIS
        found = await self._store.read_all(after=position - 1, limit=1)
        return found[0].chain if found else None

    async def chains(self, *, after: int, upto: int) -> Mapping[int, bytes]:
        """The chain values of the positions ``after + 1`` to ``upto``."""
        found: dict[int, bytes] = {}
        while after < upto:
            page = await self._store.read_all(after=after, limit=min(PAGE, upto - after))
            if not page:
                break
            found.update((event.position, event.chain) for event in page)
            after = page[-1].position
        return found


def _snapshot(selection: Selection, limit: int, connection: Connection) -> At:
    rows = DocumentRows(connection)
    if selection.documents is not None:
        return rows.position, rows.some(sorted(selection.documents))
    return rows.position, rows.page(limit=limit, owner=selection.owner)


def _changed(selection: Selection, after: int, limit: int, connection: Connection) -> At:
    rows = DocumentRows(connection)
    chosen = None if selection.documents is None else sorted(selection.documents)
    found = rows.changed(after=after, limit=limit, document_ids=chosen, owner=selection.owner)
    return rows.position, found
