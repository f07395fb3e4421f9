"""How an attempt goes on and ends: progress, success, failure, silence.

Every claim carries the ``attempt_id`` that it was started with. A worker that was superseded
(its lease ran out and somebody else began) changes nothing any more.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from events.document.answers import ACKNOWLEDGED, FAILED, Answer, try_again
from events.document.facts import (
    AttemptDiscarded,
    Cancelled,
    DeadLettered,
    DocumentEvent,
    LeaseExpired,
    ProcessingFailed,
    ProcessingSucceeded,
    ProgressReported,
    RetryScheduled,
)
from events.document.policy import DAY, SECOND, Policy
from events.document.state import Document, Status


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker brings back from one attempt that went well."""

    result_ref: str | None
    pages: int
    characters: int
    text_sha256: str | None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker brings back from one attempt that did not."""

    error_class: str
    error_message: str
    fingerprint: str
    retryable: bool
    retry_after: int | None = None
    """The processor's own wish in microseconds; ours otherwise."""


class Decision(msgspec.Struct, frozen=True):
    """Events to append, and what to answer QStash."""

    events: Sequence[DocumentEvent]
    answer: Answer


def report_progress(document: Document, event: ProgressReported) -> list[DocumentEvent]:
    """Renew the lease; empty when the attempt is not the current one any more."""
    current = document.status is Status.PROCESSING and document.attempt_id == event.attempt_id
    return [event] if current else []


def succeed(
    document: Document, *, run: int, attempt_id: str, outcome: Outcome, duration_ms: int, now: int
) -> Decision:
    """An attempt went well: it counts unless somebody else started after it."""
    why = _discarded(document, run=run, attempt_id=attempt_id, late_success=True)
    if why is not None:
        return _discard(document, attempt_id, claimed="succeeded", why=why, now=now)
    late = document.status is not Status.PROCESSING
    event = ProcessingSucceeded(
        document_id=document.id,
        run=document.run,
        attempt=document.attempt,
        attempt_id=attempt_id,
        result_ref=outcome.result_ref,
        pages=outcome.pages,
        characters=outcome.characters,
        text_sha256=outcome.text_sha256,
        duration_ms=duration_ms,
        late=late,
    )
    return Decision([event], ACKNOWLEDGED)


def fail(
    document: Document,
    *,
    run: int,
    attempt_id: str,
    failure: Failure,
    duration_ms: int,
    now: int,
    policy: Policy,
) -> Decision:
    """An attempt failed: another one follows, or the run is over."""
    why = _discarded(document, run=run, attempt_id=attempt_id, late_success=False)
    if why is not None:
        return _discard(document, attempt_id, claimed="failed", why=why, now=now)
    event = ProcessingFailed(
        document_id=document.id,
        run=document.run,
        attempt=document.attempt,
        attempt_id=attempt_id,
        retryable=failure.retryable,
        error_class=failure.error_class,
        error_message=failure.error_message,
        fingerprint=failure.fingerprint,
        duration_ms=duration_ms,
    )
    delay = failure.retry_after
    if delay is None:
        delay = policy.delay_after(document.attempt)
    sequel, answer = after_attempt(
        document,
        error=failure.error_message,
        retryable=failure.retryable,
        retry_at=now + min(delay, DAY),
        basis="retry_after",
        now=now,
    )
    return Decision([event, sequel], answer)


def expire(
    document: Document,
    *,
    now: int,
    policy: Policy,
    detected_by: Literal["sweeper", "delivery", "restart"],
) -> list[DocumentEvent]:
    """The worker is gone: end its attempt. A restart knows so without waiting for the lease."""
    if document.status is not Status.PROCESSING or document.lease_until is None:
        return []
    grace = policy.grace if detected_by == "sweeper" else 0
    if detected_by != "restart" and now < document.lease_until + grace:
        return []
    sequel, _ = after_attempt(
        document,
        error="the worker was not heard from in time",
        retryable=True,
        # A restart was our fault, so it goes on at once; a worker that vanished may vanish again.
        retry_at=now + policy.delay_after(document.attempt) if detected_by == "sweeper" else now,
        basis="sweeper",
        now=now,
    )
    return [lease_expired(document, detected_by), sequel]


def lease_expired(
    document: Document, detected_by: Literal["sweeper", "delivery", "restart"]
) -> LeaseExpired:
    return LeaseExpired(
        document_id=document.id,
        run=document.run,
        attempt=document.attempt,
        attempt_id=document.attempt_id or "",
        lease_until=document.lease_until or 0,
        detected_by=detected_by,
    )


def after_attempt(
    document: Document,
    *,
    error: str,
    retryable: bool,
    retry_at: int,
    basis: Literal["retry_after", "sweeper"],
    now: int,
) -> tuple[DocumentEvent, Answer]:
    """What follows a failed attempt: cancelled, retried or dead; and what QStash hears."""
    if document.cancel_requested:
        return Cancelled(document_id=document.id, run=document.run), ACKNOWLEDGED
    if retryable and document.attempt < document.attempt_budget:
        event = RetryScheduled(
            document_id=document.id,
            run=document.run,
            next_attempt=document.attempt + 1,
            next_at=retry_at,
            basis=basis,
        )
        return event, try_again(retry_at - now, "a retry is scheduled")
    reason: Literal["budget_exhausted", "non_retryable"] = (
        "budget_exhausted" if retryable else "non_retryable"
    )
    dead = DeadLettered(document_id=document.id, run=document.run, reason=reason, last_error=error)
    return dead, FAILED


DiscardReason = Literal["superseded", "stale_run", "terminal"]


def _discarded(
    document: Document, *, run: int, attempt_id: str, late_success: bool
) -> DiscardReason | None:
    if run != document.run:
        return "stale_run"
    if document.erasure is not None or document.status in (Status.SUCCEEDED, Status.CANCELLED):
        return "terminal"
    if document.attempt_id != attempt_id:
        return "superseded"
    if document.status is Status.PROCESSING or late_success:
        return None
    # The failure of an attempt that already counts as gone brings nothing new.
    return "terminal" if document.status is Status.FAILED else "superseded"


def _discard(
    document: Document,
    attempt_id: str,
    *,
    claimed: Literal["succeeded", "failed"],
    why: DiscardReason,
    now: int,
) -> Decision:
    event = AttemptDiscarded(
        document_id=document.id, attempt_id=attempt_id, claimed=claimed, why=why
    )
    return Decision([event], answer_for(document, stale_run=why == "stale_run", now=now))


def answer_for(document: Document, *, stale_run: bool, now: int) -> Answer:
    """What QStash should do with a message that starts nothing."""
    if stale_run or document.status in (Status.SUCCEEDED, Status.CANCELLED):
        return ACKNOWLEDGED
    if document.status is Status.FAILED:
        return FAILED
    until = document.lease_until if document.leased(now) else document.retry_at
    return try_again(max((until or now) - now, SECOND), "somebody else is working on it")
