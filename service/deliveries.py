"""A delivery arrives: find it a place, record the start, let the attempt run, answer QStash.

Work starts only after its start is in the log, and goes on if the caller hangs up: the attempt is a
task of ours, not of the request. So a webhook that timed out still ends in the log, and the
redelivery meets either the lease or the finished document.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from events.document.answers import Answer, try_again
from events.document.evolve import evolve
from events.document.facts import DocumentEvent
from events.document.receipt import Delivery, Receipt, Start, receive
from events.document.state import Document
from events.errors import WaybillError
from service.attempts import Attempts
from service.clock import MICROSECONDS, Clock, NewId
from service.documents import Decided, Documents

log = structlog.get_logger(__name__)

OVERLOADED = try_again(5 * MICROSECONDS, "the log cannot be written now")
CROWDED = try_again(15 * MICROSECONDS, "every worker is busy")
WAITING_PER_PLACE = 8
"""Deliveries that may wait for each worker; more are sent back at once."""

Release = Callable[[], None]


class Deliveries:
    """Turns verified deliveries into attempts, as many at once as there are places.

    A delivery waits for a place ``longest_wait`` seconds, then it is sent back to the queue.
    """

    def __init__(
        self,
        documents: Documents,
        attempts: Attempts,
        *,
        clock: Clock,
        new_id: NewId,
        node: str,
        code_version: str,
        places: int,
        longest_wait: float,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._documents = documents
        self._attempts = attempts
        self._clock = clock
        self._new_id = new_id
        self._node = node
        self._code_version = code_version
        self._places = asyncio.Semaphore(places)
        self._longest_wait = longest_wait
        self._most_waiting = places * WAITING_PER_PLACE
        self._waiting = 0
        self._tasks = tasks
        self._running: set[asyncio.Task[Answer]] = set()

    async def deliver(self, document_id: str, delivery: Delivery) -> Answer:
        """Do what the delivery asks for; the answer is for QStash."""
        try:
            release = await self._place(document_id)
            if release is None:
                return CROWDED
            task = await self._start(document_id, delivery, release)
        except WaybillError as error:
            log.warning("a delivery was sent back", document=document_id, error=str(error))
            return OVERLOADED
        return task if isinstance(task, Answer) else await asyncio.shield(task)

    async def drain(self, seconds: float) -> int:
        """Wait for attempts under way; how many did not end in time and were stopped."""
        if not self._running:
            return 0
        _, pending = await asyncio.wait(self._running, timeout=seconds)
        for task in pending:
            task.cancel()
        return len(pending)

    async def _place(self, document_id: str) -> Release | None:
        """A place to work at, or ``None``; waiting before the start costs no attempt."""
        _, document = await self._documents.load(document_id)
        if document is None or not self._needs_place(document):
            return _nothing
        if self._places.locked() and self._waiting >= self._most_waiting:
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await self._places.acquire()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1
        return self._places.release

    def _needs_place(self, document: Document) -> bool:
        idle = document.status.final or document.leased(self._clock())
        return not idle and not self._attempts.is_inline(document.processor)

    async def _start(
        self, document_id: str, delivery: Delivery, release: Release
    ) -> Answer | asyncio.Task[Answer]:
        try:
            attempt_id = self._new_id()
            decided = await self._receive(document_id, delivery, attempt_id)
        except BaseException:
            release()
            raise
        if decided.result is not None or decided.document is None:
            release()
            return decided.result or OVERLOADED
        task = self._tasks.create_task(
            self._attempts.run(decided.document, attempt_id), name=f"attempt-{document_id}"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # The place belongs to the attempt, which may outlive the request that began it.
        task.add_done_callback(lambda _: release())
        return task

    async def _receive(
        self, document_id: str, delivery: Delivery, attempt_id: str
    ) -> Decided[Answer | None]:
        start = Start(attempt_id=attempt_id, node=self._node, code_version=self._code_version)

        def rule(
            document: Document | None, now: int
        ) -> tuple[Sequence[DocumentEvent], Answer | None]:
            policy = self._documents.policy
            receipt = receive(document, delivery, start=start, policy=policy, now=now)
            if receipt.answer is None and document is not None:
                return self._begun(document, receipt, attempt_id, now)
            return receipt.events, receipt.answer

        return await self._documents.decide(document_id, rule)

    def _begun(
        self, document: Document, receipt: Receipt, attempt_id: str, now: int
    ) -> tuple[Sequence[DocumentEvent], Answer | None]:
        """An attempt that needs no worker is over with its start: one append holds all of it."""
        if not self._attempts.is_inline(document.processor):
            return receipt.events, None
        for event in receipt.events:
            document = evolve(document, event)
        decision = self._attempts.at_once(document, attempt_id, now)
        return [*receipt.events, *decision.events], decision.answer


def _nothing() -> None:
    """Give back the place that was not needed."""
