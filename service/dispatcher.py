"""Follows the log and does what is due: publish what waits, chase what was lost, tidy up.

Nobody calls the dispatcher. An upload only appends; the dispatcher sees it in the log like
everything else, so an upload is accepted while QStash is down, and a crash between two steps
loses nothing: the duty is still there when the log is read again.
"""

import asyncio
from collections.abc import Sequence

import structlog

from events.document.attempts import expire
from events.document.duties import Task
from events.document.facts import DocumentEvent
from events.document.state import Document, Status
from events.errors import UnknownEvent, WaybillError
from events.follow import follow
from events.store import EventStore, Recorded
from events.wakeup import Wakeup
from projections.documents import Tracked
from service.agenda import Agenda, Due
from service.clock import MICROSECONDS, Clock
from service.documents import Documents
from service.enqueuing import Enqueuer, pause_after
from service.errands import Errands
from service.publisher import NotPublished, Unreachable

log = structlog.get_logger(__name__)

BATCH = 100
"""Documents published with one call, and how many more may wait for the next one."""
AT_ONCE = 4
"""Groups of errands under way at once."""
OURS = frozenset({Task.EXPIRE, Task.ERASE})
"""Duties that need nothing of QStash."""
AFTER_FAILURE = 5 * MICROSECONDS
AFTER_BUSY = MICROSECONDS
AFTER_FULL = MICROSECONDS // 20
"""When to come back to a duty that has to wait for another one."""
PUBLISHING = frozenset({Task.PUBLISH, Task.REPUBLISH})


class Dispatcher:
    """Does the duties of all documents: a loop for the log, one for the clock, one to publish."""

    def __init__(
        self,
        documents: Documents,
        enqueuer: Enqueuer,
        errands: Errands,
        *,
        store: EventStore,
        wakeup: Wakeup,
        clock: Clock,
    ) -> None:
        self.silent: NotPublished | None = None
        """Why QStash cannot be reached; ``None`` as long as it answers."""
        self._documents = documents
        self._enqueuer = enqueuer
        self._errands = errands
        self._store = store
        self._wakeup = wakeup
        self._clock = clock
        self._agenda = Agenda(documents.policy)
        self._changed = asyncio.Event()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._busy: set[tuple[str, Task]] = set()
        self._to_publish: list[Due] = []
        self._gathered = asyncio.Event()
        self._failures = 0
        self._probe_at = 0

    async def run(self, unfinished: Sequence[Tracked], *, after: int, alone: bool) -> None:
        """Start with these documents as they are at position ``after``, then follow for ever.

        No other process may publish meanwhile. ``alone`` says that none processes either, so that
        whatever looks as if it were under way was interrupted by our own end.
        """
        self._agenda = Agenda(self._documents.policy)
        self._busy.clear()
        self._to_publish.clear()
        self._free = asyncio.Semaphore(AT_ONCE)
        for tracked in unfinished:
            self._agenda.start_with(
                tracked.document, version=tracked.version, heard_at=tracked.updated_at
            )
        for tracked in unfinished:
            if alone and tracked.document.status is Status.PROCESSING:
                await self._end_surely_interrupted(tracked.document.id)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(after), name="dispatcher-log")
            tasks.create_task(self._work(tasks), name="dispatcher-clock")
            tasks.create_task(self._publish_for_ever(), name="dispatcher-publishing")

    async def _end_surely_interrupted(self, document_id: str) -> None:
        try:
            await self._end_interrupted(document_id)
        except UnknownEvent as error:
            log.warning("a document is left alone", document_id=document_id, error=str(error))

    async def _end_interrupted(self, document_id: str) -> None:
        # Deliveries come in already: what one of them has just begun is none of the interrupted.
        interrupted = await self._documents.attempt_of_another_node(document_id)

        def step(document: Document, now: int) -> Sequence[DocumentEvent]:
            if document.attempt_id != interrupted:
                return []
            policy = self._documents.policy
            return expire(document, now=now, policy=policy, detected_by="restart")

        await self._documents.apply(document_id, step)

    async def _follow(self, after: int) -> None:
        async for page in follow(self._store, after=after, wakeup=self._wakeup):
            for event in page:
                if not self._agenda.hear(event):
                    await self._wake(event)
            self._changed.set()

    async def _wake(self, event: Recorded) -> None:
        document_id, version = event.fact.document_id, event.version
        try:
            version, document = await self._documents.load(document_id, version=version)
        except UnknownEvent as error:
            log.warning("a document is left alone", document_id=document_id, error=str(error))
            return
        if document is not None:
            self._agenda.start_with(document, version=version, heard_at=event.recorded_at)

    async def _work(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._free.acquire()
            errands = self._take()
            if errands:
                tasks.create_task(self._do(errands), name="errands")
            else:
                self._free.release()
                await self._rest()

    def _take(self) -> list[Due]:
        """Errands that are due; what is to be published gathers for the next call."""
        now = self._clock()
        errands: list[Due] = []
        for due in self._agenda.due(now, BATCH):
            key = (due.document.id, due.task)
            again_at = self._again_at(*key, now=now)
            if again_at is not None:
                self._agenda.postpone(*key, again_at)
                continue
            self._busy.add(key)
            (self._to_publish if due.task in PUBLISHING else errands).append(due)
        if self._to_publish:
            self._gathered.set()
        return errands

    def _again_at(self, document_id: str, task: Task, *, now: int) -> int | None:
        """When to come back to a duty; ``None`` if it can be done now."""
        same = PUBLISHING if task in PUBLISHING else {task}
        if any((document_id, one) in self._busy for one in same):
            # It is under way, perhaps for what the document was before, such as its last run.
            return now + AFTER_BUSY
        if task in PUBLISHING and len(self._to_publish) >= BATCH:
            return now + AFTER_FULL
        if self.silent is None or task in OURS:
            return None
        # While QStash does not answer, one document asks for all the others.
        asking = any(task not in OURS for _, task in self._busy)
        return max(self._probe_at, now + AFTER_BUSY) if asking or now < self._probe_at else None

    async def _rest(self) -> None:
        self._changed.clear()
        next_at = self._agenda.next_at()
        if next_at is None:
            await self._changed.wait()
            return
        microseconds = next_at - self._clock()
        try:
            async with asyncio.timeout(max(microseconds, 0) / MICROSECONDS):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _publish_for_ever(self) -> None:
        """One call to QStash at a time: what becomes due meanwhile shares the next one."""
        while True:
            await self._gathered.wait()
            self._gathered.clear()
            while self._to_publish:
                due, self._to_publish = self._to_publish, []
                try:
                    await self._publish(due)
                finally:
                    self._done(due)

    async def _do(self, errands: Sequence[Due]) -> None:
        try:
            for one in errands:
                await self._run_errand(one)
        finally:
            self._done(errands)
            self._free.release()

    def _done(self, due: Sequence[Due]) -> None:
        self._busy.difference_update((one.document.id, one.task) for one in due)
        self._changed.set()

    async def _publish(self, due: Sequence[Due]) -> None:
        try:
            self._note(await self._enqueuer.enqueue(due))
        except WaybillError as error:
            self._later(due, error)

    async def _run_errand(self, due: Due) -> None:
        try:
            delay = await self._errands.do(due.task, due.document)
        except (WaybillError, Unreachable) as error:
            self._later([due], error)
            return
        if delay is not None:
            self._agenda.postpone(due.document.id, due.task, self._clock() + delay)

    def _later(self, due: Sequence[Due], error: Exception) -> None:
        """One document's trouble never stops the others; its duty comes back."""
        log.warning("duties failed", task=due[0].task, documents=len(due), error=str(error))
        for one in due:
            self._agenda.postpone(one.document.id, one.task, self._clock() + AFTER_FAILURE)

    def _note(self, silent: NotPublished | None) -> None:
        if silent is None:
            if self.silent is not None:
                log.info("QStash answers again")
            self.silent, self._failures, self._probe_at = None, 0, 0
            return
        self._failures += 1
        pause = pause_after(self._failures)
        log.warning("QStash does not answer", error=silent.message, again_in_us=pause)
        self.silent, self._probe_at = silent, self._clock() + pause
