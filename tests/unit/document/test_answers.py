"""What QStash hears: each row of the table of answers."""

import pytest

from events.document.answers import ACKNOWLEDGED, FAILED, Answer, give_up, try_again
from events.document.attempts import Failure, fail, succeed
from events.document.facts import (
    CancelRequested,
    DeadLettered,
    DeliveryIgnored,
    EnqueueRequested,
    LeaseExpired,
    Requeued,
    RetryScheduled,
)
from events.document.policy import DAY, SECOND
from events.document.receipt import IGNORED_STORED
from events.document.state import Document
from tests.unit.document.attempt_results import BROKEN, FLAKY, TEXT
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
    retrying,
    succeeded,
)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (succeeded(), "already_succeeded"),
        (cancelled(), "cancelled"),
        (after(failed(), an(Requeued)), "stale_run"),
    ],
    ids=["succeeded", "cancelled", "stale run"],
)
def test_a_message_that_is_over_is_acknowledged(document: Document, reason: str) -> None:
    receipt = deliver(document)

    assert receipt.answer == ACKNOWLEDGED
    assert receipt.answer.headers == {}
    [ignored] = receipt.events
    assert isinstance(ignored, DeliveryIgnored)
    assert (ignored.reason, ignored.responded) == (reason, 200)


def _comes_again_after(message_id: str, *, before_the_end: int) -> int:
    """Seconds that a delivery beside a live lease is asked to wait."""
    receipt = deliver(processing(), message_id=message_id, now=LEASE_END - before_the_end)
    assert receipt.answer is not None
    assert receipt.answer.status == 503
    seconds = receipt.answer.retry_after_s
    assert seconds is not None
    assert receipt.answer.headers == {"Retry-After": str(seconds)}
    return seconds


def test_deliveries_beside_a_live_lease_come_again_after_it_and_not_all_at_once() -> None:
    messages = [f"msg_{number}" for number in range(50)]

    asked = [_comes_again_after(one, before_the_end=20 * SECOND) for one in messages]

    assert min(asked) >= 20
    assert max(asked) <= 25
    assert len(set(asked)) >= 4
    assert asked == [_comes_again_after(one, before_the_end=20 * SECOND) for one in messages]


def test_a_delivery_beside_a_lease_about_to_end_waits_a_second_or_two() -> None:
    asked = {_comes_again_after(f"msg_{number}", before_the_end=1) for number in range(20)}

    assert asked <= {1, 2}


def test_an_unknown_document_goes_to_the_dead_letters() -> None:
    receipt = deliver(None)

    assert receipt.events == []
    assert receipt.answer is not None
    assert receipt.answer.headers == {"Upstash-NonRetryable-Error": "true"}


def test_a_run_that_is_not_known_here_goes_to_the_dead_letters() -> None:
    receipt = deliver(processing(), run=2, message_id="msg_9")

    assert receipt.events == []
    assert receipt.answer is not None
    assert receipt.answer.status == 489


def test_a_document_that_failed_stays_failed_for_its_own_message() -> None:
    receipt = deliver(failed())

    assert receipt.answer is not None
    assert receipt.answer.status == 489
    [ignored] = receipt.events
    assert isinstance(ignored, DeliveryIgnored)
    assert ignored.reason == "dead"


def test_success_is_acknowledged() -> None:
    decision = succeed(
        processing(), run=1, attempt_id="attempt_1", outcome=TEXT, duration_ms=5, now=NOW
    )

    assert decision.answer == ACKNOWLEDGED


@pytest.mark.parametrize(
    ("document", "failure", "status", "retry_after_s"),
    [
        (processing(), FLAKY, 503, 12),
        (processing(attempt=2), FLAKY, 503, 60),
        (processing(attempt=4), FLAKY, 489, None),
        (processing(), BROKEN, 489, None),
        (after(processing(), an(CancelRequested)), FLAKY, 200, None),
    ],
    ids=["first", "second", "budget used up", "not retryable", "cancel asked"],
)
def test_a_failure_is_answered_with_what_follows_from_it(
    document: Document, failure: Failure, status: int, retry_after_s: int | None
) -> None:
    answer = _fail(document, failure)

    assert (answer.status, answer.retry_after_s) == (status, retry_after_s)


@pytest.mark.parametrize(("wish", "retry_after_s"), [(90 * SECOND, 90), (3 * DAY, 86_400)])
def test_a_processor_may_choose_the_delay_up_to_a_day(wish: int, retry_after_s: int) -> None:
    failure = Failure(
        error_class="Busy",
        error_message="busy",
        fingerprint="b",
        retryable=True,
        retry_after=wish,
    )

    assert _fail(processing(), failure).retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("document", "status", "retry_after_s"),
    [
        (after(processing(), an(LeaseExpired), an(RetryScheduled)), 503, 50),
        (after(processing(), an(LeaseExpired), an(DeadLettered)), 489, None),
        (succeeded(), 200, None),
        (cancelled(), 200, None),
        (after(failed(), an(Requeued)), 200, None),
    ],
    ids=["retrying", "failed", "succeeded", "cancelled", "requeued"],
)
def test_a_worker_that_came_too_late_passes_on_what_is_true_now(
    document: Document, status: int, retry_after_s: int | None
) -> None:
    answer = _fail(document, FLAKY)

    assert (answer.status, answer.retry_after_s) == (status, retry_after_s)


def test_the_reason_of_a_failure_is_not_passed_on_to_the_dead_letter() -> None:
    receipt = deliver(failed())

    assert receipt.answer == FAILED


def test_a_cancel_is_carried_out_when_a_delivery_finds_the_worker_gone() -> None:
    receipt = deliver(after(processing(), an(CancelRequested)), now=LEASE_END)

    assert names(receipt.events) == ["LeaseExpired", "Cancelled", "DeliveryIgnored"]
    assert getattr(receipt.events[-1], "reason", None) == "cancelled"
    assert receipt.answer == ACKNOWLEDGED


def test_a_silent_workers_last_attempt_is_answered_as_dead() -> None:
    receipt = deliver(processing(attempt=4), now=LEASE_END)

    assert receipt.answer is not None
    assert receipt.answer.status == 489
    again = deliver(after(processing(attempt=4), *receipt.events), now=LEASE_END)
    assert again.answer is not None
    assert again.answer.status == 489


def test_an_ignored_delivery_is_stored_twenty_times_and_answered_always() -> None:
    document = processing()
    for retried in range(IGNORED_STORED):
        receipt = deliver(document, retried=retried + 1, jti=f"jwt_{retried + 2}")
        document = after(document, *receipt.events)
    assert document.ignored == IGNORED_STORED

    receipt = deliver(document, retried=99, jti="jwt_99")

    assert receipt.events == []
    assert receipt.answer is not None
    assert receipt.answer.status == 503


def test_a_budget_that_was_lowered_meanwhile_ends_the_run() -> None:
    document = after(retrying(attempt=2), an(EnqueueRequested, publish_no=2, attempt_budget=2))

    receipt = deliver(document)

    dead, ignored = receipt.events
    assert isinstance(dead, DeadLettered)
    assert (dead.reason, dead.last_error) == ("budget_exhausted", "the worker process ended")
    assert isinstance(ignored, DeliveryIgnored)
    assert ignored.reason == "dead"
    assert receipt.answer is not None
    assert receipt.answer.status == 489


def test_a_start_waits_for_nobody_and_so_has_no_answer_yet() -> None:
    assert deliver(publishing()).answer is None


def test_the_key_that_signed_is_kept() -> None:
    receipt = deliver(publishing(), signing_key="next")

    assert getattr(receipt.events[0], "signing_key", None) == "next"


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0, 0), (-5, 0), (1, 1), (SECOND, 1), (SECOND + 1, 2)]
)
def test_a_delay_is_rounded_up_to_a_whole_second(delay: int, seconds: int) -> None:
    assert try_again(delay, "").headers == {"Retry-After": str(seconds)}


def test_giving_up_takes_the_status_and_the_header() -> None:
    answer = give_up("damaged")

    assert (answer.status, answer.reason) == (489, "damaged")
    assert answer.headers == {"Upstash-NonRetryable-Error": "true"}


def test_delays_grow_the_last_one_repeats_and_none_is_longer_than_a_day() -> None:
    delays = [POLICY.delay_after(attempt) for attempt in (0, 1, 2, 3, 4)]

    assert delays == [12 * SECOND, 12 * SECOND, 60 * SECOND, 300 * SECOND, 300 * SECOND]


def _fail(document: Document, failure: Failure) -> Answer:
    return fail(
        document,
        run=1,
        attempt_id="attempt_1",
        failure=failure,
        duration_ms=5,
        now=NOW,
        policy=POLICY,
    ).answer
