"""A document after one more event: what each type of event adds to it."""

from typing import Any

import pytest
from msgspec.structs import asdict

from events.document.evolve import evolve, fold
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
    ErasureCompleted,
    LeaseExpired,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    PublishFailed,
    RetryScheduled,
    TransportObserved,
)
from events.document.policy import SECOND
from events.document.state import Document, Erasure, Status
from tests.fakes import START
from tests.golden.samples import SAMPLES
from tests.unit.document.builders import (
    LEASE_END,
    after,
    an,
    cancelled,
    failed,
    processing,
    publishing,
    queued,
    received,
    retrying,
    succeeded,
)

Changes = dict[str, Any]

CASES: list[tuple[Document, DocumentEvent, Changes]] = [
    (
        queued(),
        an(DeliveryReceived),
        {"seen": (("msg_1", 0, "jwt_1"),), "delivery": "active"},
    ),
    (
        processing(),
        an(DeliveryIgnored, message_id="msg_2", jti="jwt_2"),
        {
            "ignored": 1,
            "message_ids": ("msg_1", "msg_2"),
            "seen": (("msg_1", 0, "jwt_1"), ("msg_2", 0, "jwt_2")),
        },
    ),
    (
        processing(),
        an(DeliveryIgnored, message_id="msg_2", reason="stale_run"),
        {"ignored": 1, "former_message_ids": ("msg_2",)},
    ),
    (
        queued(),
        an(ProcessingStarted),
        {
            "status": Status.PROCESSING,
            "attempt": 1,
            "attempt_id": "attempt_1",
            "lease_until": LEASE_END,
        },
    ),
    (
        processing(),
        an(ProgressReported),
        {"pages_done": 2, "pages_total": 3, "lease_until": START + 42 * SECOND},
    ),
    (processing(), an(ProgressReported, attempt_id="attempt_0"), {}),
    (retrying(), an(ProgressReported), {}),
    (
        processing(),
        an(ProcessingSucceeded),
        {
            "status": Status.SUCCEEDED,
            "lease_until": None,
            "result_ref": "results/1",
            "pages": 3,
            "pages_done": 3,
            "pages_total": 3,
            "delivery": "delivered",
        },
    ),
    (
        processing(),
        an(ProcessingFailed),
        {
            "status": Status.RETRYING,
            "lease_until": None,
            "error": "the worker process ended",
            "error_class": "WorkerLost",
        },
    ),
    (
        processing(),
        an(LeaseExpired),
        {
            "status": Status.RETRYING,
            "lease_until": None,
            "error": "the worker was not heard from in time",
            "error_class": "lease_expired",
        },
    ),
    (
        after(processing(), an(ProcessingFailed)),
        an(RetryScheduled),
        {
            "retry_at": START + 60 * SECOND,
            "waiting_since": START + 60 * SECOND,
            "delivery": "retry",
        },
    ),
    (
        after(processing(), an(ProcessingFailed)),
        an(DeadLettered),
        {"status": Status.FAILED, "error": "it needs a password", "delivery": "failed"},
    ),
    (processing(), an(AttemptDiscarded), {}),
    (
        queued(),
        an(TransportObserved),
        {
            "transport_exhausted": True,
            "dlq_id": "1725323658779-0",
            "dlq_message_id": "msg_1",
            "delivery": "failed",
        },
    ),
    (queued(), an(TransportObserved, message_id="msg_0", dlq_id=None), {}),
    (
        queued(),
        an(TransportObserved, state="retry", dlq_id=None, final=False),
        {"delivery": "retry"},
    ),
    (
        cancelled(),
        an(TransportObserved, kind="withdrawal", state="cancelled", dlq_id=None),
        {"withdraw": None},
    ),
    (processing(), an(CancelRequested), {"cancel_requested": True}),
    (
        queued(),
        an(Cancelled),
        {"status": Status.CANCELLED, "withdraw": "msg_1", "delivery": "cancelled"},
    ),
    (received(), an(Cancelled), {"status": Status.CANCELLED}),
    (
        after(succeeded(), an(TransportObserved)),
        an(DlqEntryRemoved),
        {"dlq_id": None, "dlq_message_id": None},
    ),
    (after(succeeded(), an(TransportObserved)), an(DlqEntryRemoved, dlq_id="other"), {}),
    (
        publishing(),
        an(Enqueued),
        {"publishing": None, "message_ids": ("msg_1",), "delivery": "created"},
    ),
    (publishing(), an(Enqueued, run=2), {}),
    (publishing(), an(PublishFailed, publish_no=7), {}),
    (queued(), an(PublishFailed), {}),
    (queued(), an(DocumentRegistered), {}),
    (
        failed(),
        an(DocumentErased),
        {
            "name": "erased",
            "owner": "erased",
            "blob_ref": "erased",
            "sha256": None,
            "error": None,
            "erasure": Erasure.BEGUN,
        },
    ),
    (after(failed(), an(DocumentErased)), an(ErasureCompleted), {"erasure": Erasure.COMPLETE}),
]


@pytest.mark.parametrize(
    ("document", "event", "changes"),
    CASES,
    ids=[f"{type(event).__name__} {document.status}" for document, event, _ in CASES],
)
def test_an_event_changes_exactly_this(
    document: Document, event: DocumentEvent, changes: Changes
) -> None:
    assert asdict(evolve(document, event)) == asdict(document) | changes


def test_no_events_are_no_document() -> None:
    assert fold([]) is None


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind is not DocumentRegistered])
def test_a_life_begins_with_a_registration(kind: type[DocumentEvent]) -> None:
    with pytest.raises(ValueError, match=kind.__name__):
        evolve(None, SAMPLES[kind])
