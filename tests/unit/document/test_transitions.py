"""The table of states: each row is a document, what happens to it, and where that leads."""

from collections.abc import Sequence

import pytest

from events.document.attempts import Failure, expire, fail, succeed
from events.document.decisions import (
    record_enqueued,
    request_cancel,
    request_enqueue,
)
from events.document.facts import (
    CancelRequested,
    DeadLettered,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    EnqueueRequested,
    LeaseExpired,
    Requeued,
    RetryScheduled,
    TransportObserved,
)
from events.document.policy import SECOND
from events.document.state import Document, Status
from tests.unit.document.attempt_results import BROKEN, FLAKY, TEXT
from tests.unit.document.builders import (
    LEASE_END,
    NOW,
    POLICY,
    after,
    an,
    cancelled,
    deliver,
    document_of,
    failed,
    names,
    processing,
    publishing,
    queued,
    received,
    register,
    retry,
    retrying,
    succeeded,
)


def test_a_new_document_is_accepted_and_to_be_published() -> None:
    events = register(None, an(DocumentRegistered, received_at=NOW))

    assert names(events) == ["DocumentRegistered", "EnqueueRequested"]
    document = document_of(*events[1:])
    assert document.status is Status.QUEUED
    assert document.publishing is not None
    assert document.publishing.requested_at == NOW


def test_what_was_only_registered_is_received() -> None:
    assert received().status is Status.RECEIVED


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (received(), "initial"),
        (after(failed(), an(Requeued)), "requeue"),
        (retrying(), "lost"),
        (queued(), "lost"),
        (after(queued(), an(TransportObserved)), "transport_exhausted"),
        (publishing(), "publish_retry"),
    ],
    ids=["received", "requeued", "retrying", "queued", "exhausted", "publishing"],
)
def test_a_waiting_document_can_be_published(document: Document, reason: str) -> None:
    events = request_enqueue(document, destination="http://n", policy=POLICY, now=NOW)

    [requested] = events
    assert isinstance(requested, EnqueueRequested)
    assert requested.reason == reason
    assert requested.publish_no == document.publish_no + 1
    assert after(document, requested).status is Status.QUEUED


@pytest.mark.parametrize(
    "document",
    [processing(), succeeded(), failed(), cancelled(), after(queued(), an(CancelRequested))],
    ids=["processing", "succeeded", "failed", "cancelled", "cancel asked"],
)
def test_nothing_else_is_published(document: Document) -> None:
    assert request_enqueue(document, destination="http://n", policy=POLICY, now=NOW) == []


def test_every_publish_has_a_deduplication_id_of_its_own() -> None:
    [first] = request_enqueue(received(), destination="http://n", policy=POLICY, now=NOW)
    [second] = request_enqueue(
        after(received(), first), destination="http://n", policy=POLICY, now=NOW
    )

    assert isinstance(first, EnqueueRequested)
    assert isinstance(second, EnqueueRequested)
    assert first.dedup_id == f"{received().id}.1.1"
    assert second.dedup_id == f"{received().id}.1.2"


def test_a_published_document_is_queued() -> None:
    events = record_enqueued(publishing(), an(Enqueued))

    document = after(publishing(), *events)
    assert document.status is Status.QUEUED
    assert document.publishing is None
    assert document.message_ids == ("msg_1",)


@pytest.mark.parametrize(
    "document", [publishing(), queued(), retrying()], ids=["publishing", "queued", "retrying"]
)
def test_a_delivery_starts_a_waiting_document_in_one_append(document: Document) -> None:
    receipt = deliver(document)

    assert names(receipt.events) == ["DeliveryReceived", "ProcessingStarted"]
    assert receipt.answer is None
    begun = after(document, *receipt.events)
    assert begun.status is Status.PROCESSING
    assert begun.attempt == document.attempt + 1
    assert begun.lease_until == NOW + POLICY.lease


def test_a_live_lease_is_respected() -> None:
    receipt = deliver(processing())

    assert names(receipt.events) == ["DeliveryIgnored"]
    assert after(processing(), *receipt.events).attempt_id == "attempt_1"


@pytest.mark.parametrize(
    ("document", "sequel", "status"),
    [
        (processing(), "RetryScheduled", Status.RETRYING),
        (processing(attempt=4), "DeadLettered", Status.FAILED),
        (after(processing(), an(CancelRequested)), "Cancelled", Status.CANCELLED),
    ],
    ids=["attempts left", "budget used up", "cancel asked"],
)
def test_a_lease_that_ran_out_ends_its_attempt(
    document: Document, sequel: str, status: Status
) -> None:
    now = LEASE_END + POLICY.grace

    events = expire(document, now=now, policy=POLICY, detected_by="sweeper")

    assert names(events) == ["LeaseExpired", sequel]
    assert after(document, *events).status is status


def test_a_delivery_takes_over_from_a_lease_that_ran_out_in_one_append() -> None:
    receipt = deliver(processing(), now=LEASE_END)

    assert names(receipt.events) == [
        "LeaseExpired",
        "RetryScheduled",
        "DeliveryReceived",
        "ProcessingStarted",
    ]
    assert after(processing(), *receipt.events).attempt_id == "attempt_2"


def test_a_success_of_the_current_attempt_ends_the_document() -> None:
    decision = _succeed(processing())

    document = after(processing(), *decision)
    assert document.status is Status.SUCCEEDED
    assert document.result_ref == TEXT.result_ref


@pytest.mark.parametrize(
    "document",
    [
        after(processing(), an(LeaseExpired), an(RetryScheduled)),
        after(processing(), an(LeaseExpired), an(DeadLettered)),
        after(processing(), an(LeaseExpired), an(RetryScheduled), an(EnqueueRequested)),
    ],
    ids=["retrying", "failed", "published again"],
)
def test_a_late_success_counts_when_nobody_started_after_it(document: Document) -> None:
    [event] = _succeed(document)

    assert getattr(event, "late", None) is True
    assert after(document, event).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("document", "failure", "sequel", "status"),
    [
        (processing(), FLAKY, "RetryScheduled", Status.RETRYING),
        (processing(attempt=4), FLAKY, "DeadLettered", Status.FAILED),
        (processing(), BROKEN, "DeadLettered", Status.FAILED),
        (after(processing(), an(CancelRequested)), FLAKY, "Cancelled", Status.CANCELLED),
        (after(processing(), an(CancelRequested)), BROKEN, "Cancelled", Status.CANCELLED),
    ],
    ids=["retryable", "budget used up", "not retryable", "cancel asked", "cancel asked, broken"],
)
def test_a_failure_is_retried_or_ends_the_document(
    document: Document, failure: Failure, sequel: str, status: Status
) -> None:
    decision = fail(
        document,
        run=1,
        attempt_id="attempt_1",
        failure=failure,
        duration_ms=5,
        now=NOW,
        policy=POLICY,
    )

    assert names(list(decision.events)) == ["ProcessingFailed", sequel]
    assert after(document, *decision.events).status is status


@pytest.mark.parametrize(
    "document",
    [received(), publishing(), queued(), retrying()],
    ids=["received", "publishing", "queued", "retrying"],
)
def test_a_waiting_document_is_cancelled_at_once(document: Document) -> None:
    events = request_cancel(document, by="ann", reason="", now=NOW)

    assert names(events) == ["CancelRequested", "Cancelled"]
    assert after(document, *events).status is Status.CANCELLED


def test_a_running_attempt_is_cancelled_when_it_ends() -> None:
    events = request_cancel(processing(), by="ann", reason="", now=NOW)

    assert names(events) == ["CancelRequested"]
    assert after(processing(), *events).status is Status.PROCESSING


def test_a_document_whose_worker_went_silent_is_cancelled_at_once() -> None:
    events = request_cancel(processing(), by="ann", reason="", now=LEASE_END)

    assert names(events) == ["CancelRequested", "LeaseExpired", "Cancelled"]


@pytest.mark.parametrize(
    "document", [succeeded(), failed(), cancelled()], ids=["succeeded", "failed", "cancelled"]
)
def test_a_document_that_has_ended_can_be_retried(document: Document) -> None:
    events = retry(document)

    again = after(document, *events)
    assert names(events) == ["Requeued", "EnqueueRequested"]
    assert (again.status, again.run, again.attempt) == (Status.QUEUED, 2, 0)
    assert again.publishing is not None
    assert again.publishing.dedup_id == f"{document.id}.2.1"
    requested = events[-1]
    assert isinstance(requested, EnqueueRequested)
    assert (requested.run, requested.publish_no, requested.reason) == (2, 1, "requeue")


@pytest.mark.parametrize(
    "document",
    [received(), publishing(), queued(), processing(), retrying(), succeeded(), failed()],
    ids=lambda document: document.status.value,
)
def test_what_the_transport_says_never_changes_a_status(document: Document) -> None:
    noted = after(document, an(TransportObserved))

    assert noted.status is document.status
    assert noted.attempt_id == document.attempt_id
    assert noted.lease_until == document.lease_until


def test_a_retry_is_expected_when_our_own_delay_is_over() -> None:
    decision = fail(
        processing(attempt=2),
        run=1,
        attempt_id="attempt_1",
        failure=FLAKY,
        duration_ms=5,
        now=NOW,
        policy=POLICY,
    )

    scheduled = decision.events[-1]
    assert isinstance(scheduled, RetryScheduled)
    assert (scheduled.next_attempt, scheduled.next_at) == (3, NOW + 60 * SECOND)
    assert scheduled.basis == "retry_after"


def test_a_start_says_how_long_the_document_has_waited() -> None:
    [_, started] = deliver(queued(), now=NOW).events

    assert getattr(started, "waited_ms", None) == 10_000
    [_, early] = deliver(retrying(), now=NOW).events
    assert getattr(early, "waited_ms", None) == 0


def test_a_silent_worker_is_named_in_the_end_of_its_lease() -> None:
    events = expire(processing(), now=LEASE_END, policy=POLICY, detected_by="delivery")

    assert events[0] == an(LeaseExpired, detected_by="delivery")
    assert events[1] == an(RetryScheduled, next_at=LEASE_END, basis="sweeper")


def _succeed(document: Document) -> Sequence[DocumentEvent]:
    return succeed(
        document, run=1, attempt_id="attempt_1", outcome=TEXT, duration_ms=5, now=NOW
    ).events
