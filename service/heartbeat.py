"""What an attempt says while it works: pages for people, and a renewed lease for us."""

import asyncio
from collections.abc import Callable

import structlog

from events.document.attempts import report_progress
from events.document.facts import ProgressReported
from events.document.state import Document
from events.errors import WaybillError
from service.clock import MICROSECONDS, Clock
from service.documents import Documents

log = structlog.get_logger(__name__)

SPACING_SECONDS = 0.25
"""Two reports of one attempt are never closer, and a quicker attempt makes none."""
PAGE_REPORTS = 20
"""Reports of pages stored for one attempt, however many pages there are."""


class Heartbeat:
    """Appends progress, at most so often, and at least thrice in a lease."""

    def __init__(
        self,
        documents: Documents,
        document: Document,
        attempt_id: str,
        *,
        clock: Clock,
        spacing: float = SPACING_SECONDS,
    ) -> None:
        self._documents = documents
        self._document = document
        self._attempt_id = attempt_id
        self._clock = clock
        self._spacing = spacing
        self._done = 0
        self._total = 0
        self._stored = 0
        self._reports = 0
        self._changed = asyncio.Event()

    def report(self, done: int, total: int | None) -> None:
        """The worker has read so many pages of so many (``None``: nobody knows)."""
        self._done, self._total = done, total or 0
        if self._worth_storing():
            self._changed.set()

    async def run(self, *, on_superseded: Callable[[], object]) -> None:
        """Beat until cancelled; calls ``on_superseded`` when the attempt is not ours any more."""
        third = self._documents.policy.lease / 3 / MICROSECONDS
        while True:
            await asyncio.sleep(min(self._spacing, third))
            try:
                async with asyncio.timeout(max(third - self._spacing, 0)):
                    await self._changed.wait()
                self._reports += 1
            except TimeoutError:
                pass  # nothing to show, but the lease must be renewed
            self._changed.clear()
            if not await self._beat():
                on_superseded()
                return

    async def _beat(self) -> bool:
        def step(document: Document, now: int) -> list[ProgressReported]:
            event = ProgressReported(
                document_id=document.id,
                attempt_id=self._attempt_id,
                step="reading",
                pages_done=self._done,
                pages_total=self._total,
                lease_until=now + self._documents.policy.lease,
            )
            return [event] if report_progress(document, event) else []

        try:
            decided = await self._documents.apply(self._document.id, step)
        except WaybillError as error:
            log.warning("a heartbeat failed", document=self._document.id, error=str(error))
            return True
        self._stored = self._done
        return bool(decided.recorded)

    def _worth_storing(self) -> bool:
        if self._reports >= PAGE_REPORTS:
            return False  # where nobody knows the total, every page looks worth it
        stride = max(1, -(-self._total // PAGE_REPORTS))
        return self._done - self._stored >= stride or 0 < self._total <= self._done
