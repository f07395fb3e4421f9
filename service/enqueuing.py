"""Hands documents to QStash: record the intention, publish, record what became of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from events.document import decisions
from events.document.duties import Task, repeatable
from events.document.facts import DocumentEvent, Enqueued, PublishFailed
from events.document.state import Document
from service.agenda import Due
from service.clock import MICROSECONDS, Clock
from service.documents import Documents
from service.publisher import Job, NotPublished, Published, Publisher

LONGEST_PAUSE = 30 * MICROSECONDS
"""The longest pause between two tries to reach QStash."""

Flow = Callable[[Document], tuple[str, int]]
"""The flow-control key of a document's processor, and how many of it may run at once."""

Transport = Literal["qstash", "local"]


def pause_after(failures: int) -> int:
    """How long to leave QStash alone after so many failures in a row: 1, 2, 4, ... 30 seconds."""
    return min(MICROSECONDS << min(failures - 1, 10), LONGEST_PAUSE)


class Enqueuer:
    """Publishes documents, many with one call."""

    def __init__(
        self,
        documents: Documents,
        publisher: Publisher,
        *,
        clock: Clock,
        flow: Flow,
        transport: Transport,
    ) -> None:
        self._documents = documents
        self._publisher = publisher
        self._clock = clock
        self._flow = flow
        self._transport: Transport = transport

    async def enqueue(self, due: Sequence[Due]) -> NotPublished | None:
        """Publish what is due; what stopped all of it if QStash did not answer."""
        ready: list[Document] = []
        others: list[Document] = []
        for one in due:
            (ready if self._is_requested(one) else others).append(one.document)
        if others:
            requested = await asyncio.gather(*map(self.request, others))
            ready += [document for document in requested if document is not None]
        jobs = [job for document in ready if (job := self._job(document)) is not None]
        if not jobs:
            return None
        outcomes = await self._publisher.publish(jobs)
        await asyncio.gather(*map(self._record, jobs, outcomes))
        return _silence(outcomes)

    def _is_requested(self, due: Due) -> bool:
        """Whether its publish was requested before, and may be done or repeated under its name."""
        publishing = due.document.publishing
        return (
            due.task is Task.REPUBLISH
            and publishing is not None
            and repeatable(publishing, now=self._clock(), policy=self._documents.policy)
        )

    def _job(self, document: Document) -> Job | None:
        if document.publishing is None:
            return None
        key, parallelism = self._flow(document)
        return Job(
            document_id=document.id,
            run=document.run,
            publish_no=document.publish_no,
            dedup_id=document.publishing.dedup_id,
            flow_key=key,
            parallelism=parallelism,
        )

    async def request(self, seen: Document) -> Document | None:
        """Record that it is about to be published; ``None`` if somebody else was quicker."""

        def step(document: Document, now: int) -> Sequence[DocumentEvent]:
            if (document.run, document.publish_no) != (seen.run, seen.publish_no):
                return []
            return decisions.request_enqueue(
                document,
                destination=self._documents.destination,
                policy=self._documents.policy,
                now=now,
            )

        decided = await self._documents.apply(seen.id, step)
        return decided.document if decided.recorded else None

    async def _record(self, job: Job, outcome: Published | NotPublished) -> None:
        if isinstance(outcome, Published):
            await self._record_published(job, outcome)
        else:
            await self._record_failed(job, outcome)

    async def _record_published(self, job: Job, published: Published) -> None:
        event = Enqueued(
            document_id=job.document_id,
            run=job.run,
            publish_no=job.publish_no,
            message_id=published.message_id,
            deduplicated=published.deduplicated,
            transport=self._transport,
            transport_retries=self._publisher.retries,
        )
        await self._documents.apply(
            job.document_id, lambda document, _now: decisions.record_enqueued(document, event)
        )

    async def _record_failed(self, job: Job, failed: NotPublished) -> None:
        def step(document: Document, now: int) -> Sequence[DocumentEvent]:
            failures = document.publishing.failures if document.publishing else 0
            event = PublishFailed(
                document_id=job.document_id,
                run=job.run,
                publish_no=job.publish_no,
                error_class=failed.error_class,
                error_message=failed.message,
                http_status=failed.http_status,
                ambiguous=failed.ambiguous,
                next_publish_at=now + pause_after(failures + 1),
            )
            return decisions.record_publish_failed(document, event)

        await self._documents.apply(job.document_id, step)


def _silence(outcomes: Sequence[Published | NotPublished]) -> NotPublished | None:
    """The first failure, if nothing of the call reached QStash as far as we know."""
    failed = [one for one in outcomes if isinstance(one, NotPublished)]
    silent = all(one.unreachable or one.ambiguous for one in failed)
    return failed[0] if failed and silent and len(failed) == len(outcomes) else None
