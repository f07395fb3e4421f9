"""A document after one more event: the fold that everybody shares."""

from typing import assert_never

from msgspec.structs import replace

from events.document import effects
from events.document.facts import (
    AttemptDiscarded,
    Cancelled,
    CancelRequested,
    DeadLettered,
    DeliveryIgnored,
    DeliveryReceived,
    DlqEntryRemoved,
    DocumentErased,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    EnqueueRequested,
    ErasureCompleted,
    LeaseExpired,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    PublishFailed,
    Requeued,
    RetryScheduled,
    TransportObserved,
)
from events.document.state import Document, Erasure


def fold(events: list[DocumentEvent]) -> Document | None:
    """The document that these events add up to; ``None`` for no events."""
    document: Document | None = None
    for event in events:
        document = evolve(document, event)
    return document


def evolve(document: Document | None, event: DocumentEvent) -> Document:
    """The document after one more event."""
    if document is not None:
        return _evolve(document, event)
    if isinstance(event, DocumentRegistered):
        return effects.registered(event)
    raise ValueError(f"the first event of a document cannot be {type(event).__name__}")


def _evolve(document: Document, event: DocumentEvent) -> Document:  # noqa: C901 - one flat match
    match event:
        case ProgressReported():  # first, because most events are
            return effects.progressed(document, event)
        case DocumentRegistered():
            return document
        case EnqueueRequested():
            return effects.enqueue_requested(document, event)
        case Enqueued():
            return effects.enqueued(document, event)
        case PublishFailed():
            return effects.publish_failed(document, event)
        case DeliveryReceived():
            return effects.delivery_received(document, event)
        case DeliveryIgnored():
            return effects.delivery_ignored(document, event)
        case ProcessingStarted():
            return effects.started(document, event)
        case ProcessingSucceeded():
            return effects.succeeded(document, event)
        case ProcessingFailed():
            return effects.attempt_over(document, error=event.error_message, kind=event.error_class)
        case LeaseExpired():
            return effects.attempt_over(
                document, error="the worker was not heard from in time", kind="lease_expired"
            )
        case RetryScheduled():
            return effects.retry_scheduled(document, event)
        case DeadLettered():
            return effects.dead(document, event)
        case TransportObserved():
            return effects.observed(document, event)
        case CancelRequested():
            return replace(document, cancel_requested=True)
        case Cancelled():
            return effects.cancelled(document)
        case Requeued():
            return effects.requeued(document, event)
        case DlqEntryRemoved():
            return effects.dlq_entry_removed(document, event)
        case DocumentErased():
            return effects.erased(document)
        case ErasureCompleted():
            return replace(document, erasure=Erasure.COMPLETE)
        case AttemptDiscarded():
            return document
        case _ as unreachable:
            assert_never(unreachable)
