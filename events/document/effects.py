"""What each event changes in a document, one function an event.

``evolve`` chooses among them.
"""

from msgspec.structs import replace

from events.document.facts import (
    DeadLettered,
    DeliveryIgnored,
    DeliveryReceived,
    DlqEntryRemoved,
    DocumentRegistered,
    Enqueued,
    EnqueueRequested,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    PublishFailed,
    Requeued,
    RetryScheduled,
    TransportObserved,
)
from events.document.personal import ERASED
from events.document.state import SEEN_SIGNATURES, Document, Erasure, Publishing, Status


def registered(event: DocumentRegistered) -> Document:
    return Document(
        id=event.document_id,
        blob_ref=event.blob_ref,
        sha256=event.sha256,
        bytes=event.bytes,
        name=event.name,
        owner=event.owner,
        content_type=event.content_type,
        processor=event.processor,
        waiting_since=event.received_at,
    )


def enqueue_requested(document: Document, event: EnqueueRequested) -> Document:
    return replace(
        document,
        status=Status.QUEUED,
        publish_no=event.publish_no,
        attempt_budget=event.attempt_budget,
        transport_exhausted=False,
        retry_at=None,
        unattended=False,
        publishing=Publishing(
            dedup_id=event.dedup_id,
            destination=event.destination,
            requested_at=event.requested_at,
            next_at=None,
            ambiguous=False,
            failures=document.publishing.failures if document.publishing else 0,
        ),
    )


def enqueued(document: Document, event: Enqueued) -> Document:
    if event.run != document.run:
        return document
    document = _with_message(document, event.message_id)
    if event.publish_no == document.publish_no:
        document = replace(document, publishing=None)
    if document.status is Status.QUEUED:
        return replace(document, delivery="created")
    return document


def publish_failed(document: Document, event: PublishFailed) -> Document:
    if document.publishing is None or event.publish_no != document.publish_no:
        return document
    return replace(
        document,
        publishing=replace(
            document.publishing,
            next_at=event.next_publish_at,
            ambiguous=event.ambiguous or document.publishing.ambiguous,
            failures=document.publishing.failures + 1,
        ),
    )


def delivery_received(document: Document, event: DeliveryReceived) -> Document:
    return replace(_with_signature(document, event), publishing=None, delivery="active")


def delivery_ignored(document: Document, event: DeliveryIgnored) -> Document:
    document = replace(document, ignored=document.ignored + 1)
    if event.reason != "stale_run":
        return _with_signature(document, event)
    # It stays a message of an earlier run, whatever this event says: its replay is no Retry.
    former = (*document.former_message_ids, event.message_id)
    return replace(document, former_message_ids=former[-SEEN_SIGNATURES:])


def _with_signature(document: Document, event: DeliveryReceived | DeliveryIgnored) -> Document:
    signature = (event.message_id, event.retried, event.jti)
    seen = document.seen
    if signature not in seen:
        seen = (*seen, signature)[-SEEN_SIGNATURES:]
    return replace(_with_message(document, event.message_id), seen=seen)


def _with_message(document: Document, message_id: str) -> Document:
    if message_id in document.message_ids:
        return document
    return replace(document, message_ids=(*document.message_ids, message_id))


def started(document: Document, event: ProcessingStarted) -> Document:
    return replace(
        document,
        status=Status.PROCESSING,
        attempt=event.attempt,
        attempt_id=event.attempt_id,
        lease_until=event.lease_until,
        pages_done=0,
        retry_at=None,
        unattended=False,
        error=None,
        error_class=None,
        transport_exhausted=False,
    )


def progressed(document: Document, event: ProgressReported) -> Document:
    if event.attempt_id != document.attempt_id or document.status is not Status.PROCESSING:
        return document
    return replace(
        document,
        pages_done=event.pages_done,
        pages_total=event.pages_total,
        lease_until=event.lease_until,
    )


def succeeded(document: Document, event: ProcessingSucceeded) -> Document:
    return replace(
        document,
        status=Status.SUCCEEDED,
        lease_until=None,
        retry_at=None,
        error=None,
        error_class=None,
        result_ref=event.result_ref,
        pages=event.pages,
        pages_done=event.pages,
        pages_total=event.pages,
        publishing=None,
        transport_exhausted=False,
        delivery=document.delivery if event.late else "delivered",
    )


def attempt_over(document: Document, *, error: str, kind: str) -> Document:
    return replace(
        document, status=Status.RETRYING, lease_until=None, error=error, error_class=kind
    )


def retry_scheduled(document: Document, event: RetryScheduled) -> Document:
    return replace(
        document,
        status=Status.RETRYING,
        retry_at=event.next_at,
        unattended=event.basis == "sweeper",
        waiting_since=event.next_at,
        delivery="retry",
    )


def dead(document: Document, event: DeadLettered) -> Document:
    return replace(
        document,
        status=Status.FAILED,
        lease_until=None,
        retry_at=None,
        error=event.last_error or document.error,
        publishing=None,
        delivery=None if event.reason == "unpublishable" else "failed",
    )


def observed(document: Document, event: TransportObserved) -> Document:
    document = _observed_dead_letter(document, event)
    if event.kind == "withdrawal" and event.message_id == document.withdraw:
        document = replace(document, withdraw=None)
    if not document.knows(event.message_id):
        return document
    newest = event.message_id == document.message_ids[-1]
    gave_up = event.final and event.state in ("failed", "cancelled")
    if gave_up and newest and not document.status.final:
        document = replace(document, transport_exhausted=True)
    return replace(document, delivery=event.state) if newest else document


def _observed_dead_letter(document: Document, event: TransportObserved) -> Document:
    if event.dlq_id is None:
        return document
    return replace(document, dlq_id=event.dlq_id, dlq_message_id=event.message_id)


def cancelled(document: Document) -> Document:
    return replace(
        document,
        status=Status.CANCELLED,
        lease_until=None,
        retry_at=None,
        publishing=None,
        withdraw=document.message_ids[-1] if document.message_ids else None,
        delivery="cancelled" if document.message_ids else None,
    )


def requeued(document: Document, event: Requeued) -> Document:
    by_transport = event.via == "qstash_dlq"
    former = (*document.former_message_ids, *document.message_ids) if by_transport else ()
    return replace(
        document,
        oldest_body_run=document.oldest_body_run if by_transport else event.run,
        former_message_ids=former[-SEEN_SIGNATURES:],
        status=Status.RECEIVED,
        waiting_since=event.requested_at,
        run=event.run,
        attempt=0,
        attempt_id=None,
        lease_until=None,
        pages_done=0,
        pages_total=0,
        publish_no=0,
        publishing=None,
        message_ids=(),
        seen=(),
        ignored=0,
        retry_at=None,
        unattended=False,
        error=None,
        error_class=None,
        result_ref=None,
        pages=0,
        cancel_requested=False,
        transport_exhausted=False,
        delivery=None,
    )


def dlq_entry_removed(document: Document, event: DlqEntryRemoved) -> Document:
    if event.dlq_id != document.dlq_id:
        return document
    return replace(document, dlq_id=None, dlq_message_id=None)


def erased(document: Document) -> Document:
    # All that personal fields have left here goes, so that a replay without the keys ends the same.
    return replace(
        document,
        name=ERASED,
        owner=ERASED,
        blob_ref=ERASED,
        sha256=None,
        error=None,
        result_ref=None,
        erasure=Erasure.BEGUN,
    )
