"""The rules of a document's life, but for its attempts: state and circumstances in, events out.

Nothing here reads a clock, makes an id or waits. A rule that says no raises ``Refused``; what may
happen to anybody (a late worker, a doubled message) is not an error but a decision without effect.
"""

from events.document.attempts import lease_expired
from events.document.evolve import evolve
from events.document.facts import (
    Cancelled,
    CancelRequested,
    DeadLettered,
    DlqEntryRemoved,
    DocumentErased,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    EnqueueReason,
    EnqueueRequested,
    ErasureCompleted,
    PublishFailed,
    Requeued,
    TransportObserved,
)
from events.document.policy import Policy
from events.document.state import Document, Erasure, Status
from events.errors import DocumentGone, DocumentUnknown, Refused

REFUSED_FOR_CONTENT = frozenset({400, 404, 413, 422})
"""Statuses that speak of the message itself; others (a wrong token, a quota) can be mended."""

MOST_REFUSALS = 8
"""Refusals of one document before it counts as unpublishable: some two minutes."""


def known(document: Document | None, document_id: str) -> Document:
    """The document, or ``DocumentUnknown``."""
    if document is None:
        raise DocumentUnknown(document_id)
    return document


def present(document: Document) -> Document:
    """The document, or ``DocumentGone`` if it was erased."""
    if document.erasure is not None:
        raise DocumentGone(document.id)
    return document


def register(
    document: Document | None, event: DocumentRegistered, *, destination: str, policy: Policy
) -> list[DocumentEvent]:
    """Accept a document, to be published; the same content under the same id changes nothing."""
    if document is None:
        accepted = evolve(None, event)
        at = event.received_at
        asked = request_enqueue(accepted, destination=destination, policy=policy, now=at)
        return [event, *asked]
    present(document)
    same = (
        document.sha256 == event.sha256
        if event.sha256 is not None
        else document.blob_ref == event.blob_ref
    )
    if same:
        return []
    raise Refused(
        f"document {document.id} was registered with other content; "
        "use a new idempotency key (or id) for a new document"
    )


def request_enqueue(
    document: Document, *, destination: str, policy: Policy, now: int
) -> list[DocumentEvent]:
    """Record that we are about to publish; empty when nothing is to be published any more."""
    reason = _reason_to_enqueue(document)
    if reason is None:
        return []
    publish_no = document.publish_no + 1
    return [
        EnqueueRequested(
            document_id=document.id,
            run=document.run,
            publish_no=publish_no,
            attempt_budget=policy.attempt_budget,
            # A new id for every deliberate publish: QStash would swallow a repeated one.
            dedup_id=f"{document.id}.{document.run}.{publish_no}",
            destination=destination,
            reason=reason,
            requested_at=now,
        )
    ]


def _reason_to_enqueue(document: Document) -> EnqueueReason | None:
    if document.cancel_requested:
        return None
    match document.status:
        case Status.RECEIVED:
            return "initial" if document.run == 1 else "requeue"
        case Status.QUEUED if document.publishing is not None:
            return "publish_retry"
        case Status.QUEUED | Status.RETRYING:
            return "transport_exhausted" if document.transport_exhausted else "lost"
        case _:
            return None


def record_enqueued(document: Document, event: Enqueued) -> list[DocumentEvent]:
    """QStash took the message; true whatever has happened to the document meanwhile."""
    return [event] if event.run == document.run and not document.knows(event.message_id) else []


def record_publish_failed(document: Document, event: PublishFailed) -> list[DocumentEvent]:
    """The publish failed; recorded only while it is still the one that is awaited.

    What QStash refuses for its content again and again will never be taken: then the run is over.
    """
    awaited = document.publishing is not None and document.publish_no == event.publish_no
    if not awaited or event.run != document.run or document.publishing is None:
        return []
    refused = event.http_status in REFUSED_FOR_CONTENT
    if not refused or document.publishing.failures + 1 < MOST_REFUSALS:
        return [event]
    dead = DeadLettered(
        document_id=document.id,
        run=document.run,
        reason="unpublishable",
        last_error=f"QStash does not take it: {event.error_message}",
    )
    return [event, dead]


def request_cancel(document: Document, *, by: str, reason: str, now: int) -> list[DocumentEvent]:
    """Stop a document: at once, or when its running attempt ends. Success may still win."""
    if document.status is Status.CANCELLED or document.cancel_requested:
        return []
    if document.status.final:
        raise Refused(
            f"document {document.id} is {document.status} already; there is nothing to cancel"
        )
    asked = CancelRequested(document_id=document.id, by=by, reason=reason)
    if document.leased(now):
        return [asked]
    cancelled = Cancelled(document_id=document.id, run=document.run)
    if document.status is Status.PROCESSING:
        return [asked, lease_expired(document, "sweeper"), cancelled]
    return [asked, cancelled]


def retry(
    document: Document, *, by: str, reason: str, destination: str, policy: Policy, now: int
) -> list[DocumentEvent]:
    """Start another run of a document that has ended, to be published."""
    present(document)
    if not document.status.final:
        raise Refused(
            f"document {document.id} is {document.status}; only one that has ended "
            "(succeeded, failed or cancelled) can be retried"
        )
    again = Requeued(
        document_id=document.id,
        run=document.run + 1,
        by=by,
        reason=reason,
        from_status=document.status.value,
        requested_at=now,
        via="api",
    )
    begun = evolve(document, again)
    return [again, *request_enqueue(begun, destination=destination, policy=policy, now=now)]


def observe(document: Document, event: TransportObserved) -> list[DocumentEvent]:
    """Note what QStash says; the same thing twice is noted once."""
    same_letter = event.dlq_id is None or document.dlq_id == event.dlq_id
    current = document.knows(event.message_id)
    gave_up = event.final and event.state in ("failed", "cancelled")
    spent = document.transport_exhausted or document.status.final
    already = (
        same_letter
        and event.kind != "withdrawal"
        and (not current or document.delivery == event.state)
        and (not current or not gave_up or spent)
    )
    return [] if already else [event]


def dlq_entry_removed(document: Document) -> list[DocumentEvent]:
    """The dead letter that we know of is gone from QStash."""
    if document.dlq_id is None:
        return []
    return [
        DlqEntryRemoved(
            document_id=document.id,
            dlq_id=document.dlq_id,
            message_id=document.dlq_message_id or "",
        )
    ]


def erase(document: Document, *, by: str, reason: str, now: int) -> list[DocumentEvent]:
    """Erase what a document held; it must have ended, so that nobody works on it any more."""
    if document.erasure is not None:
        return []
    if not document.status.final:
        raise Refused(
            f"document {document.id} is {document.status}; cancel it first, then erase it"
        )
    return [DocumentErased(document_id=document.id, by=by, reason=reason, requested_at=now)]


def complete_erasure(document: Document) -> list[DocumentEvent]:
    """Nothing is left; said once."""
    if document.erasure is not Erasure.BEGUN:
        return []
    return [ErasureCompleted(document_id=document.id)]
