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
from events.document.policy import SECOND
from events.document.state import SEEN_SIGNATURES, Document, Erasure, Status
from tests.fakes import START
from tests.golden.samples import DOCUMENT, SAMPLES
from tests.unit.document.builders import (
    LEASE_END,
    after,
    an,
    cancelled,
    document_of,
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


def test_a_registered_document_knows_what_came_in() -> None:
    document = received()

    assert document.status is Status.RECEIVED
    assert (document.id, document.owner, document.bytes) == (DOCUMENT, "ann", 48_213)
    assert document.waiting_since == START


def test_a_publish_is_awaited_until_its_answer_comes() -> None:
    awaited = publishing().publishing

    assert awaited is not None
    assert awaited.dedup_id == f"{DOCUMENT}.1.1"
    assert (awaited.next_at, awaited.ambiguous, awaited.failures) == (None, False, 0)


def test_failures_of_publishing_are_counted_and_doubt_stays() -> None:
    document = after(
        publishing(), an(PublishFailed, ambiguous=True), an(PublishFailed, ambiguous=False)
    )

    assert document.publishing is not None
    assert (document.publishing.failures, document.publishing.ambiguous) == (2, True)


def test_a_new_publish_keeps_count_of_the_failures_before_it() -> None:
    document = after(publishing(), an(PublishFailed), an(EnqueueRequested, publish_no=2))

    assert document.publishing is not None
    assert document.publishing.failures == 1
    assert document.publishing.next_at is None


def test_a_new_run_forgets_everything_but_the_document_and_what_qstash_still_holds() -> None:
    ended = after(cancelled(), an(TransportObserved))

    again = after(ended, an(Requeued))

    assert again == document_of_run_2(withdraw="msg_1", dlq_id=ended.dlq_id)


def test_a_console_retry_keeps_the_messages_that_went_before() -> None:
    again = after(failed(), an(Requeued, via="qstash_dlq"))

    assert again.former_message_ids == ("msg_1",)
    assert (again.oldest_body_run, again.run) == (1, 2)


def test_only_so_many_signatures_are_remembered() -> None:
    document = processing()
    for number in range(2 * SEEN_SIGNATURES):
        document = after(document, an(DeliveryReceived, jti=f"jwt_{number + 2}"))

    assert len(document.seen) == SEEN_SIGNATURES
    assert document.seen[-1][2] == f"jwt_{2 * SEEN_SIGNATURES + 1}"


def test_a_late_success_says_nothing_of_the_transport() -> None:
    document = after(retrying(), an(ProcessingSucceeded, late=True))

    assert (document.status, document.delivery) == (Status.SUCCEEDED, "retry")


def test_a_document_that_could_not_be_published_was_never_at_qstash() -> None:
    document = after(publishing(), an(DeadLettered, reason="unpublishable"))

    assert (document.status, document.delivery) == (Status.FAILED, None)


def test_no_events_are_no_document() -> None:
    assert fold([]) is None


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind is not DocumentRegistered])
def test_a_life_begins_with_a_registration(kind: type[DocumentEvent]) -> None:
    with pytest.raises(ValueError, match=kind.__name__):
        evolve(None, SAMPLES[kind])


def document_of_run_2(*, withdraw: str, dlq_id: str | None) -> Document:
    requeued = an(Requeued)
    return Document(
        **{
            **asdict(document_of()),
            "run": 2,
            "oldest_body_run": 2,
            "attempt_budget": 4,
            "waiting_since": requeued.requested_at,
            "withdraw": withdraw,
            "dlq_id": dlq_id,
            "dlq_message_id": "msg_1",
        }
    )
