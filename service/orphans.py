"""Removes stored bytes that no fact speaks of: an upload that broke between storage and log."""

import asyncio

import structlog

from events.store import EventStore
from projections.lookups import Lookups
from service.clock import MICROSECONDS, Clock
from service.storage import ObjectStore
from service.uploads import FOLDER

log = structlog.get_logger(__name__)

EVERY_SECONDS = 6 * 3600.0
OLD_ENOUGH = 24 * 3600 * MICROSECONDS
"""An upload may take long; what is a day old and still unknown to the log never will be known."""


class OrphanRemover:
    """Looks through the uploads now and then."""

    def __init__(
        self, storage: ObjectStore, store: EventStore, lookups: Lookups, *, clock: Clock
    ) -> None:
        self._storage = storage
        self._store = store
        self._lookups = lookups
        self._clock = clock

    async def run(self) -> None:
        """Remove orphans for ever."""
        while True:
            removed = await self.remove()
            if removed:
                log.info("orphaned uploads were removed", objects=removed)
            await asyncio.sleep(EVERY_SECONDS)

    async def remove(self) -> int:
        """Remove what is orphaned now; how many objects that were."""
        # Tables that are being made anew do not know of documents that the log knows well.
        if not await self._lookups.reach(await self._store.head()):
            return 0
        before = self._clock() - OLD_ENOUGH
        removed = 0
        async for stored in self._storage.list(FOLDER):
            if stored.modified_us < before and not await self._lookups.refers_to(stored.name):
                await self._storage.delete(stored.name)
                removed += 1
        return removed
