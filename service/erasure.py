"""Destroys what an erased document has left behind: objects, keys, rows, and what is in memory.

Every step may be repeated. The log says what is to be done until all of it is done, so an erasure
goes on after any end of the process, and only then is it called complete.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import structlog

from events.codec import decode
from events.database import OwnDatabase
from events.document import decisions
from events.document.facts import (
    DocumentErased,
    DocumentEvent,
    DocumentRegistered,
    ProcessingStarted,
    ProcessingSucceeded,
)
from events.document.personal import PERSONAL
from events.document.state import Document
from events.errors import WaybillError
from events.store import EventStore, Recorded
from projections.erasing import forget
from service.clock import MICROSECONDS
from service.documents import Documents
from service.storage import ObjectStore
from service.vault import Vault

log = structlog.get_logger(__name__)

AGAIN = 3 * MICROSECONDS
"""When to ask again for what may not have been possible."""
MOST_WAITING = 1000
"""Erasures that wait at most; the others are asked for again."""
RESULTS = "results"
"""Where texts lie in the object store."""


class Eraser:
    """Erases what it was told of, all that waits at once: rewriting the tables takes a while."""

    def __init__(
        self,
        documents: Documents,
        storage: ObjectStore,
        store: EventStore,
        *,
        vault: Vault,
        tables: OwnDatabase,
    ) -> None:
        self._documents = documents
        self._storage = storage
        self._store = store
        self._vault = vault
        self._tables = tables
        self._waiting: dict[str, None] = {}
        self._asked = asyncio.Event()

    async def ask(self, document: Document) -> int:
        """Have it erased soon; the delay in microseconds after which to ask again if it is not."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting[document.id] = None
            self._asked.set()
        return AGAIN

    async def run(self) -> None:
        """Erase for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            waiting, self._waiting = list(self._waiting), {}
            try:
                await self.erase(waiting)
            except WaybillError as error:
                log.warning("erasures failed", documents=len(waiting), error=str(error))

    async def erase(self, document_ids: Sequence[str]) -> None:
        """Erase these documents now, as far as that is possible; what is not is asked for again."""
        positions: dict[str, int] = {}
        for document_id in document_ids:
            history = await self._documents.history(document_id)
            erased = [event.position for event in history if isinstance(event.fact, DocumentErased)]
            if erased and await self._objects_are_gone(document_id, history):
                await self._vault.sealing.destroy(await sealed_events(self._store, history))
                positions[document_id] = erased[0]
        if not positions:
            return
        if not await self._vault.database.scrub(rewrite=False):
            log.warning("erasures wait for a reader of the keys", documents=len(positions))
        elif not await forget(self._tables, list(positions), position=max(positions.values())):
            log.warning(
                "erasures wait for the tables, or a reader of them", documents=len(positions)
            )
        else:
            for document_id in positions:
                await self._documents.apply(document_id, _complete)
                log.info("a document was erased", document=document_id)

    async def _objects_are_gone(self, document_id: str, history: Sequence[Recorded]) -> bool:
        try:
            for name in _recorded_objects(history):
                await self._storage.delete(name)
            if _may_have_strays(history):
                async for name in self._strays(document_id):
                    await self._storage.delete(name)
        except OSError as error:
            log.warning("objects could not be deleted", document=document_id, error=error.strerror)
            return False
        return True

    async def _strays(self, document_id: str) -> AsyncIterator[str]:
        """Texts that a worker stored and that no event speaks of, because it did not end."""
        async for stored in self._storage.list(RESULTS):
            if stored.name.startswith(f"{RESULTS}/{document_id}."):
                yield stored.name


def _complete(document: Document, _now: int) -> Sequence[DocumentEvent]:
    return decisions.complete_erasure(document)


def _may_have_strays(history: Sequence[Recorded]) -> bool:
    kinds = Counter(type(event.fact) for event in history)
    return kinds[ProcessingStarted] > kinds[ProcessingSucceeded]


def _recorded_objects(history: Sequence[Recorded]) -> list[str]:
    """What was uploaded and what was made of it; a referenced object is its owner's."""
    facts = [event.fact for event in history]
    names = [
        fact.blob_ref
        for fact in facts
        if isinstance(fact, DocumentRegistered) and fact.source == "upload"
    ]
    made = [fact.result_ref for fact in facts if isinstance(fact, ProcessingSucceeded)]
    return names + [name for name in made if name is not None]


async def sealed_events(store: EventStore, history: Sequence[Recorded]) -> list[DocumentEvent]:
    """Those of these events that have personal fields, as they are stored: sealed."""
    found: list[DocumentEvent] = []
    for event in history:
        if type(event.fact) in PERSONAL:
            [stored] = await store.read_stored(after=event.position - 1, limit=1)
            found.append(decode(stored.type, stored.schema_version, stored.data))
    return found
