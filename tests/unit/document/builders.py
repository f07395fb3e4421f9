"""Documents in every state, made the only way there is: by folding events."""

from typing import Any, TypeVar

from msgspec.structs import replace

from events.document import decisions
from events.document.evolve import evolve, fold
from events.document.facts import (
    Cancelled,
    DeadLettered,
    DeliveryReceived,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    EnqueueRequested,
    Fact,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    RetryScheduled,
)
from events.document.policy import SECOND, Policy
from events.document.receipt import Delivery, Receipt, Start, receive
from events.document.state import Document
from tests.fakes import START
from tests.golden.samples import SAMPLES

Event = TypeVar("Event", bound=Fact)

POLICY = Policy(
    attempt_budget=4,
    retry_delays=(12 * SECOND, 60 * SECOND, 300 * SECOND),
    lease=30 * SECOND,
    grace=5 * SECOND,
    patience=120 * SECOND,
)
NOW = START + 10 * SECOND
LEASE_END = START + 32 * SECOND
"""When the lease of the sample attempt runs out."""


def an(kind: type[Event], /, **changes: Any) -> Event:
    """The sample event of this type, with some fields changed."""
    event = SAMPLES[kind]
    assert isinstance(event, kind)
    return replace(event, **changes)


def after(document: Document, *events: DocumentEvent) -> Document:
    for event in events:
        document = evolve(document, event)
    return document


def document_of(*events: DocumentEvent) -> Document:
    document = fold([an(DocumentRegistered), *events])
    assert document is not None
    return document


def register(document: Document | None, event: DocumentRegistered) -> list[DocumentEvent]:
    return decisions.register(document, event, destination="http://here/process", policy=POLICY)


def retry(document: Document) -> list[DocumentEvent]:
    """Somebody presses the button."""
    return decisions.retry(
        document, by="ann", reason="", destination="http://here/process", policy=POLICY, now=NOW
    )


def received() -> Document:
    return document_of()


def publishing() -> Document:
    return document_of(an(EnqueueRequested))


def queued() -> Document:
    return after(publishing(), an(Enqueued))


def processing(*, attempt: int = 1) -> Document:
    """With the lease of ``attempt_1`` until ``LEASE_END``."""
    return after(queued(), an(DeliveryReceived), an(ProcessingStarted, attempt=attempt))


def retrying(*, attempt: int = 1) -> Document:
    return after(processing(attempt=attempt), an(ProcessingFailed), an(RetryScheduled))


def failed() -> Document:
    return after(processing(), an(ProcessingFailed, retryable=False), an(DeadLettered))


def succeeded() -> Document:
    return after(processing(), an(ProcessingSucceeded))


def cancelled() -> Document:
    return after(queued(), an(Cancelled))


def delivery(**changes: Any) -> Delivery:
    """A second delivery of the sample message, unless changed."""
    made = Delivery(
        run=1,
        message_id="msg_1",
        retried=1,
        jti="jwt_2",
        signing_key="current",
        signed_at=NOW,
        body_sha256="00",
    )
    return replace(made, **changes)


def deliver(document: Document | None, *, now: int = NOW, **changes: Any) -> Receipt:
    """What comes of a delivery that would begin ``attempt_2``."""
    return receive(
        document,
        delivery(**changes),
        start=Start(attempt_id="attempt_2", node="node-2", code_version="0.1.0"),
        policy=POLICY,
        now=now,
    )


def names(events: object) -> list[str]:
    """The types of these events, in order."""
    assert isinstance(events, list | tuple)
    return [type(event).__name__ for event in events]
