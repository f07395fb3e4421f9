"""One attempt from its start to its end in the log: read, report, settle."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from events.document.answers import Answer, try_again
from events.document.attempts import Decision, Failure, Outcome, fail, succeed
from events.document.decisions import known
from events.document.facts import DocumentEvent
from events.document.state import Document
from events.errors import LogUnavailable, Overloaded, WaybillError
from service.clock import MICROSECONDS, Clock
from service.documents import Documents
from service.heartbeat import Heartbeat
from service.metrics import Metrics
from service.processing.outcome import Extracted, TryLater
from service.processing.pool import OnProgress, Pool
from service.processing.registry import ProcessorSpec
from service.storage import ObjectMissing, ObjectStore

log = structlog.get_logger(__name__)

SETTLE_TRIES = 5
"""How often the end of an attempt is offered to a log that cannot be written just now."""

_NOTHING = Outcome(result_ref=None, pages=0, characters=0, text_sha256=None)
_DIGITS = re.compile(r"\d+")


class Attempts:
    """Runs attempts; each holds a lease, which its heartbeat renews."""

    def __init__(
        self,
        documents: Documents,
        storage: ObjectStore,
        pool: Pool,
        *,
        processors: Mapping[str, ProcessorSpec],
        scratch: Path,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._documents = documents
        self._storage = storage
        self._pool = pool
        self._inline = frozenset(name for name, spec in processors.items() if spec.inline)
        self._scratch = scratch
        self._clock = clock
        self._metrics = metrics
        self._work: dict[str, asyncio.Task[Outcome | Failure]] = {}

    def is_inline(self, processor: str) -> bool:
        """Whether this processor needs no worker."""
        return processor in self._inline

    def at_once(self, document: Document, attempt_id: str, now: int) -> Decision:
        """The end of an inline attempt, which is over as soon as it has begun."""
        self._metrics.attempts.labels("succeeded").inc()
        return succeed(
            document,
            run=document.run,
            attempt_id=attempt_id,
            outcome=_NOTHING,
            duration_ms=0,
            now=now,
        )

    def interrupt(self, document_id: str) -> None:
        """Stop the document's attempt if it runs here; the log knows already why."""
        work = self._work.get(document_id)
        if work is not None:
            work.cancel()

    async def run(self, document: Document, attempt_id: str) -> Answer:
        """Work, and record what came of it; the answer is for QStash."""
        began = self._clock()
        outcome = await self._worked(document, attempt_id)
        kind = outcome.error_class if isinstance(outcome, Failure) else "succeeded"
        self._metrics.attempts.labels(kind).inc()
        try:
            answer = await self._settle(document, attempt_id, outcome, began)
            await self._withdraw(document, outcome)
            return answer
        except WaybillError as error:
            # The lease runs out, and the document is tried again: late, but not lost.
            log.error("an attempt could not be recorded", document=document.id, error=str(error))
            return try_again(5 * MICROSECONDS, "the log cannot be written now")

    async def _worked(self, document: Document, attempt_id: str) -> Outcome | Failure:
        beat = Heartbeat(self._documents, document, attempt_id, clock=self._clock)
        work = asyncio.create_task(self._read(document, attempt_id, beat.report))
        self._work[document.id] = work
        beating = asyncio.create_task(beat.run(on_superseded=work.cancel))
        try:
            return await work
        except asyncio.CancelledError:
            if not work.cancelled():
                work.cancel()
                raise
            return _interrupted("on request" if _is_wanted() else "with the server")
        finally:
            beating.cancel()
            if self._work.get(document.id) is work:
                del self._work[document.id]

    async def _read(
        self, document: Document, attempt_id: str, on_progress: OnProgress
    ) -> Outcome | Failure:
        output = self._scratch / f"{attempt_id}.jsonl"
        try:
            async with self._storage.local_copy(document.blob_ref) as path:
                outcome = await self._pool.run(
                    document.processor,
                    document_id=document.id,
                    run=document.run,
                    attempt=document.attempt,
                    path=path,
                    output=output,
                    on_progress=on_progress,
                )
            if isinstance(outcome, Extracted):
                return await self._keep(document, outcome)
        except ObjectMissing as missing:
            return _failure("object_missing", str(missing), retryable=False)
        except OSError as error:
            # Its text may hold an object's name, which is its owner's.
            log.warning("storage failed", document=document.id, error=error.strerror)
            return _failure("storage_failed", "the storage could not be reached", retryable=True)
        finally:
            output.unlink(missing_ok=True)
        if isinstance(outcome, TryLater):
            after = outcome.after_seconds
            return _failure(
                outcome.code,
                outcome.message,
                retryable=True,
                retry_after=None if after is None else after * MICROSECONDS,
            )
        return _failure(outcome.code, outcome.message, retryable=False)

    async def _keep(self, document: Document, extracted: Extracted) -> Outcome:
        name = None
        if extracted.result is not None and not await self._is_erased(document):
            # Named by its content: an attempt that died before it was recorded leaves the same.
            name = f"results/{document.id}.{extracted.text_sha256[:16]}.jsonl"
            await self._storage.put_file(name, extracted.result)
        return Outcome(
            result_ref=name,
            pages=extracted.pages,
            characters=extracted.characters,
            text_sha256=extracted.text_sha256,
        )

    async def _is_erased(self, document: Document) -> bool:
        _, found = await self._documents.load(document.id)
        return found is not None and found.erasure is not None

    async def _withdraw(self, document: Document, outcome: Outcome | Failure) -> None:
        """Of a document that was erased meanwhile nothing may be left."""
        name = outcome.result_ref if isinstance(outcome, Outcome) else None
        if name is not None and await self._is_erased(document):
            await self._storage.delete(name)

    async def _settle(
        self, document: Document, attempt_id: str, outcome: Outcome | Failure, began: int
    ) -> Answer:
        def rule(current: Document | None, now: int) -> tuple[Sequence[DocumentEvent], Answer]:
            found = known(current, document.id)
            duration_ms = max(0, (now - began) // 1000)
            if isinstance(outcome, Failure):
                decision = fail(
                    found,
                    run=document.run,
                    attempt_id=attempt_id,
                    failure=outcome,
                    duration_ms=duration_ms,
                    now=now,
                    policy=self._documents.policy,
                )
            else:
                decision = succeed(
                    found,
                    run=document.run,
                    attempt_id=attempt_id,
                    outcome=outcome,
                    duration_ms=duration_ms,
                    now=now,
                )
            return decision.events, decision.answer

        for tried in range(1, SETTLE_TRIES):
            try:
                return (await self._documents.decide(document.id, rule)).result
            except (LogUnavailable, Overloaded) as error:
                log.warning("an attempt waits for the log", document=document.id, error=str(error))
                await asyncio.sleep(tried)
        return (await self._documents.decide(document.id, rule)).result


def _is_wanted() -> bool:
    """Whether this task is to go on, and only what it waited for was cancelled."""
    task = asyncio.current_task()
    return task is None or not task.cancelling()


def _interrupted(how: str) -> Failure:
    return _failure("interrupted", f"the attempt was stopped {how}", retryable=True)


def _failure(
    code: str, message: str, *, retryable: bool, retry_after: int | None = None
) -> Failure:
    # The same trouble on another page or byte is the same trouble.
    alike = _DIGITS.sub("0", f"{code}:{message}")
    return Failure(
        error_class=code,
        error_message=message,
        fingerprint=hashlib.sha256(alike.encode()).hexdigest()[:16],
        retryable=retryable,
        retry_after=retry_after,
    )
