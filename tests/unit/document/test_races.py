"""The eleven races that matter, each as the order of events that makes it."""

import pytest

from events.document.attempts import fail, report_progress, succeed
from events.document.decisions import (
    dlq_entry_removed,
    observe,
    record_enqueued,
    record_publish_failed,
    request_cancel,
    request_enqueue,
)
from events.document.duties import Duty, Task, duties
from events.document.facts import (
    AttemptDiscarded,
    CancelRequested,
    DeliveryIgnored,
    Enqueued,
    EnqueueRequested,
    LeaseExpired,
    ProgressReported,
    PublishFailed,
    Requeued,
    RetryScheduled,
    TransportObserved,
)
from events.document.policy import SECOND
from events.document.state import Document, Status
from tests.fakes import START
from tests.unit.document.attempt_results import FLAKY, TEXT
from tests.unit.document.builders import (
    LEASE_END,
    NOW,
    POLICY,
    after,
    an,
    cancelled,
    deliver,
    failed,
    names,
    processing,
    publishing,
    queued,
    retry,
    retrying,
    succeeded,
)


def test_1_a_delivery_may_be_quicker_than_the_answer_to_its_publish() -> None:
    begun = after(publishing(), *deliver(publishing(), retried=0).events)

    late_answer = record_enqueued(begun, an(Enqueued))

    assert begun.status is Status.PROCESSING
    assert late_answer == []


def test_1_the_answer_to_another_publish_only_adds_its_message() -> None:
    begun = after(publishing(), *deliver(publishing()).events)

    noted = after(begun, *record_enqueued(begun, an(Enqueued, message_id="msg_2")))

    assert noted.status is Status.PROCESSING
    assert noted.message_ids == ("msg_1", "msg_2")


def test_1_a_publish_that_seemed_to_fail_counts_for_nothing_once_it_was_delivered() -> None:
    begun = after(publishing(), *deliver(publishing()).events)

    assert record_publish_failed(begun, an(PublishFailed)) == []


def test_2_a_publish_of_unknown_outcome_is_repeated_under_its_own_id() -> None:
    document = after(publishing(), an(PublishFailed, ambiguous=True))

    assert document.publishing is not None
    assert document.publishing.dedup_id == f"{document.id}.1.1"
    assert _duties(document) == [Duty(START + 20 * SECOND, Task.REPUBLISH)]


def test_2_beyond_the_window_a_publish_of_unknown_outcome_takes_a_new_id() -> None:
    much_later = START + SECOND + POLICY.republish
    document = after(publishing(), an(PublishFailed, ambiguous=True, next_publish_at=much_later))

    assert _duties(document) == [Duty(much_later, Task.PUBLISH)]


def test_3_the_second_of_two_simultaneous_deliveries_finds_the_lease() -> None:
    first = deliver(queued(), retried=0)
    second = deliver(after(queued(), *first.events), message_id="msg_2", jti="jwt_9")

    assert names(second.events) == ["DeliveryIgnored"]
    assert second.answer is not None
    assert second.answer.status == 503


def test_4_a_dead_workers_attempt_is_ended_by_the_sweeper_after_a_grace() -> None:
    assert _duties(processing()) == [Duty(LEASE_END + POLICY.grace, Task.EXPIRE)]


def test_4_a_dead_workers_attempt_is_ended_by_the_next_delivery() -> None:
    receipt = deliver(processing(), now=LEASE_END)

    assert names(receipt.events)[0] == "LeaseExpired"


def test_5_a_superseded_worker_changes_nothing() -> None:
    document = after(processing(), *deliver(processing(), now=LEASE_END).events)

    decision = succeed(
        document, run=1, attempt_id="attempt_1", outcome=TEXT, duration_ms=5, now=NOW
    )

    [discarded] = decision.events
    assert discarded == an(AttemptDiscarded)
    assert after(document, discarded) == document


def test_5_a_superseded_worker_renews_no_lease() -> None:
    document = after(processing(), *deliver(processing(), now=LEASE_END).events)

    assert report_progress(document, an(ProgressReported)) == []


def test_5_a_failure_after_the_lease_ran_out_changes_nothing() -> None:
    document = after(processing(), an(LeaseExpired), an(RetryScheduled))

    assert _why_discarded(document) == "superseded"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (succeeded(), "terminal"),
        (cancelled(), "terminal"),
        (failed(), "terminal"),
        (after(failed(), an(Requeued)), "stale_run"),
    ],
    ids=["succeeded", "cancelled", "failed", "requeued"],
)
def test_5_a_failure_after_the_end_is_discarded(document: Document, why: str) -> None:
    assert _why_discarded(document) == why


def test_6_a_failure_notice_never_ends_live_work() -> None:
    document = after(processing(), an(TransportObserved))

    assert document.leased(NOW)
    assert Task.PUBLISH not in [duty.task for duty in _duties(document)]


def test_6_a_notice_that_comes_twice_is_noted_once() -> None:
    notice = an(TransportObserved)
    document = after(queued(), *observe(queued(), notice))

    assert observe(queued(), notice) == [notice]
    assert observe(document, notice) == []


def test_6_a_callback_without_a_dead_letter_is_no_news_beside_a_known_one() -> None:
    document = after(queued(), an(TransportObserved))

    callback = an(TransportObserved, kind="callback", dlq_id=None)
    assert observe(document, callback) == []


def test_6_a_notice_of_success_that_comes_twice_is_noted_once() -> None:
    notice = an(TransportObserved, kind="callback", state="delivered", status=200, dlq_id=None)
    document = after(queued(), *observe(queued(), notice))

    assert observe(document, notice) == []


def test_7_when_qstash_gave_up_and_we_have_not_it_is_published_again() -> None:
    document = after(retrying(), an(TransportObserved))

    assert [duty.task for duty in _duties(document)] == [Task.PUBLISH, Task.CLEAR_DEAD_LETTER]
    [again] = request_enqueue(document, destination="http://n", policy=POLICY, now=NOW)
    assert isinstance(again, EnqueueRequested)
    assert (again.run, again.publish_no, again.reason) == (1, 2, "transport_exhausted")


def test_7_the_notice_about_an_older_message_calls_for_nothing() -> None:
    document = after(queued(), an(Enqueued, message_id="msg_2"))

    assert not after(document, an(TransportObserved, message_id="msg_1")).transport_exhausted


def test_8_a_success_whose_answer_was_lost_is_acknowledged_again() -> None:
    receipt = deliver(succeeded())

    assert receipt.answer is not None
    assert receipt.answer.status == 200
    assert after(succeeded(), *receipt.events).status is Status.SUCCEEDED


def test_8_the_dead_letter_of_a_document_that_succeeded_is_removed() -> None:
    document = after(succeeded(), an(TransportObserved))

    assert [duty.task for duty in _duties(document)] == [Task.CLEAR_DEAD_LETTER]
    assert _duties(after(document, *dlq_entry_removed(document))) == []


def test_9_an_old_runs_message_starts_nothing_in_a_new_run() -> None:
    document = after(succeeded(), *retry(succeeded()))

    receipt = deliver(document)

    assert names(receipt.events) == ["DeliveryIgnored"]
    ignored = after(document, *receipt.events)
    assert ignored.message_ids == ()
    assert names(deliver(ignored, jti="jwt_3").events) == ["DeliveryIgnored"]


def test_10_a_replayed_request_burns_no_attempt() -> None:
    receipt = deliver(retrying(), retried=0, jti="jwt_1")

    [ignored] = receipt.events
    assert isinstance(ignored, DeliveryIgnored)
    assert ignored.reason == "replay"
    assert receipt.answer is not None
    assert receipt.answer.status == 503


def test_10_a_request_that_was_answered_busy_cannot_be_replayed_into_work() -> None:
    busy = deliver(processing())
    document = after(processing(), *busy.events, an(LeaseExpired), an(RetryScheduled))

    assert names(deliver(document, now=LEASE_END).events) == ["DeliveryIgnored"]


def test_10_the_next_try_of_the_same_message_is_no_replay() -> None:
    assert names(deliver(retrying(), retried=1, jti="jwt_2").events)[-1] == "ProcessingStarted"


def test_11_a_running_attempt_may_succeed_in_spite_of_a_cancel() -> None:
    document = after(processing(), *request_cancel(processing(), by="a", reason="", now=NOW))

    decision = succeed(
        document, run=1, attempt_id="attempt_1", outcome=TEXT, duration_ms=5, now=NOW
    )

    assert after(document, *decision.events).status is Status.SUCCEEDED


def test_11_a_cancelled_documents_message_is_withdrawn() -> None:
    document = cancelled()

    assert _duties(document) == [Duty(NOW, Task.WITHDRAW)]
    gone = an(TransportObserved, kind="withdrawal", state="cancelled", dlq_id=None)
    assert _duties(after(document, *observe(document, gone))) == []


def test_11_a_second_cancel_changes_nothing() -> None:
    document = after(processing(), an(CancelRequested))

    assert request_cancel(document, by="ann", reason="", now=NOW) == []


def _why_discarded(document: Document) -> str:
    decision = fail(
        document,
        run=1,
        attempt_id="attempt_1",
        failure=FLAKY,
        duration_ms=5,
        now=NOW,
        policy=POLICY,
    )
    [event] = decision.events
    assert isinstance(event, AttemptDiscarded)
    return event.why


def _duties(document: Document) -> list[Duty]:
    return duties(document, heard_at=NOW, policy=POLICY)
