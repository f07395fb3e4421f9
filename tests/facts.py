"""Recorded events of documents, for whoever folds them: a story in, a log out."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from events.chain import GENESIS
from events.codec import encode
from events.document.facts import (
    DeadLettered,
    DeliveryReceived,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    EnqueueRequested,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    RetryScheduled,
)
from events.store import Recorded, document_stream
from tests.fakes import START

SECOND = 1_000_000


def registered(document_id: str = "d1", *, owner: str = "ada") -> DocumentRegistered:
    return DocumentRegistered(
        document_id=document_id,
        sha256="0" * 64,
        bytes=10,
        content_type="application/pdf",
        blob_ref=f"documents/{document_id}",
        name="a.pdf",
        owner=owner,
        source="upload",
        processor="pdf-text",
        received_at=START,
    )


def published(document_id: str = "d1", *, run: int = 1) -> list[DocumentEvent]:
    """The intention, and that QStash took it."""
    return [
        EnqueueRequested(
            document_id=document_id,
            run=run,
            publish_no=1,
            attempt_budget=4,
            dedup_id=f"{document_id}.{run}.1",
            destination="http://here/process",
            reason="initial",
            requested_at=START,
        ),
        Enqueued(
            document_id=document_id,
            run=run,
            publish_no=1,
            message_id=f"msg_{document_id}_{run}",
            deduplicated=False,
            transport="local",
            transport_retries=6,
        ),
    ]


def started(
    document_id: str = "d1", *, run: int = 1, attempt: int = 1, waited_ms: int = 40
) -> list[DocumentEvent]:
    """A delivery and the attempt that it began."""
    return [
        DeliveryReceived(
            document_id=document_id,
            run=run,
            message_id=f"msg_{document_id}_{run}",
            retried=attempt - 1,
            jti=f"jti_{attempt}",
            signing_key="current",
            signed_at=START,
            body_sha256="0" * 64,
            node="n1",
        ),
        ProcessingStarted(
            document_id=document_id,
            run=run,
            attempt=attempt,
            attempt_id=f"{document_id}-{run}-{attempt}",
            message_id=f"msg_{document_id}_{run}",
            retried=attempt - 1,
            lease_until=START + 60 * SECOND,
            waited_ms=waited_ms,
            node="n1",
            code_version="0",
        ),
    ]


def progress(document_id: str = "d1", done: int = 1, total: int = 2) -> ProgressReported:
    return ProgressReported(
        document_id=document_id,
        attempt_id=f"{document_id}-1-1",
        step="reading",
        pages_done=done,
        pages_total=total,
        lease_until=START + 90 * SECOND,
    )


def succeeded(
    document_id: str = "d1", *, run: int = 1, attempt: int = 1, duration_ms: int = 100
) -> ProcessingSucceeded:
    return ProcessingSucceeded(
        document_id=document_id,
        run=run,
        attempt=attempt,
        attempt_id=f"{document_id}-{run}-{attempt}",
        result_ref=f"results/{document_id}/x.jsonl",
        pages=2,
        characters=10,
        text_sha256="0" * 64,
        duration_ms=duration_ms,
        late=False,
    )


def failed(
    document_id: str = "d1", *, run: int = 1, attempt: int = 1, last: bool = False
) -> list[DocumentEvent]:
    """An attempt that failed, and what followed from it."""
    sequel: DocumentEvent = (
        DeadLettered(
            document_id=document_id, run=run, reason="budget_exhausted", last_error="bad luck"
        )
        if last
        else RetryScheduled(
            document_id=document_id,
            run=run,
            next_attempt=attempt + 1,
            next_at=START + 12 * SECOND,
            basis="retry_after",
        )
    )
    return [
        ProcessingFailed(
            document_id=document_id,
            run=run,
            attempt=attempt,
            attempt_id=f"{document_id}-{run}-{attempt}",
            retryable=True,
            error_class="bad_luck",
            error_message="bad luck",
            fingerprint="f",
            duration_ms=7,
        ),
        sequel,
    ]


def life(document_id: str = "d1") -> list[DocumentEvent]:
    """An ordinary document: failed once, then fine."""
    return [
        registered(document_id),
        *published(document_id),
        *started(document_id),
        *failed(document_id),
        *started(document_id, attempt=2, waited_ms=900),
        progress(document_id),
        succeeded(document_id, attempt=2),
    ]


def recorded(
    facts: Iterable[DocumentEvent], *, at: int = START, apart: int = SECOND
) -> list[Recorded]:
    """The facts as a log would hold them, ``apart`` microseconds apart."""
    log: list[Recorded] = []
    versions: dict[str, int] = {}
    for position, fact in enumerate(facts, start=1):
        stream = document_stream(fact.document_id)
        versions[stream] = versions.get(stream, 0) + 1
        log.append(
            Recorded(
                position=position,
                stream=stream,
                version=versions[stream],
                event_id=str(UUID(int=position)),
                type=encode(fact).type,
                schema_version=1,
                occurred_at=at + position * apart,
                recorded_at=at + position * apart,
                correlation_id=fact.document_id,
                causation_id=None,
                fact=fact,
                meta={},
                chain=GENESIS,
            )
        )
    return log


def interleaved(stories: Sequence[Sequence[DocumentEvent]]) -> list[DocumentEvent]:
    """Several lives in one log, a fact of each in turn."""
    longest = max(map(len, stories))
    return [story[turn] for turn in range(longest) for story in stories if turn < len(story)]
