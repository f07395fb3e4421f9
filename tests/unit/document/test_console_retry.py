"""Somebody presses Retry in QStash's console: a new message with the body of an old one.

Only such a message starts another run of a document that failed; one that we have met before, in
any run, is a late or doubled delivery and starts nothing.
"""

from events.document.attempts import fail
from events.document.state import Document, Status
from tests.unit.document.attempt_results import BROKEN
from tests.unit.document.builders import (
    LEASE_END,
    NOW,
    POLICY,
    after,
    deliver,
    failed,
    names,
    processing,
)


def test_a_retry_in_qstashs_console_starts_another_run() -> None:
    receipt = deliver(failed(), message_id="msg_2")

    assert names(receipt.events) == ["Requeued", "DeliveryReceived", "ProcessingStarted"]
    document = after(failed(), *receipt.events)
    assert (document.run, document.attempt, document.status) == (2, 1, Status.PROCESSING)


def test_the_message_of_a_console_retry_carries_its_run_although_its_body_names_the_old_one() -> (
    None
):
    document = _retried_in_console()

    receipt = deliver(
        document, run=1, message_id="msg_2", retried=1, jti="jwt_3", now=LEASE_END * 2
    )

    assert names(receipt.events)[-1] == "ProcessingStarted"


def test_a_second_retry_in_qstashs_console_starts_a_third_run() -> None:
    document = _failed_again(_retried_in_console())

    receipt = deliver(document, run=1, message_id="msg_3", jti="jwt_4")

    assert names(receipt.events)[0] == "Requeued"
    assert after(document, *receipt.events).run == 3


def test_an_old_message_that_fails_to_arrive_until_later_is_no_retry_in_the_console() -> None:
    document = _failed_again(_retried_in_console())

    assert names(deliver(document, run=1, message_id="msg_1").events) == ["DeliveryIgnored"]


def test_a_message_ignored_as_stale_cannot_be_replayed_as_a_console_retry() -> None:
    stale = deliver(_retried_in_console(), run=1, message_id="msg_8", jti="jwt_8")
    document = _failed_again(after(_retried_in_console(), *stale.events))

    replay = deliver(document, run=1, message_id="msg_8", jti="jwt_8")

    assert names(replay.events) == ["DeliveryIgnored"]


def test_a_doubled_message_met_under_a_live_lease_is_no_console_retry_later() -> None:
    busy = deliver(processing(), message_id="msg_2")
    document = _failed_again(after(processing(), *busy.events))

    receipt = deliver(document, message_id="msg_2", jti="jwt_5")

    assert names(receipt.events) == ["DeliveryIgnored"]


def test_the_message_that_found_a_dead_worker_is_no_console_retry_later() -> None:
    document = processing(attempt=4)
    found = deliver(document, message_id="msg_2", now=LEASE_END)

    again = deliver(after(document, *found.events), message_id="msg_2", retried=2, jti="jwt_6")

    assert names(found.events) == ["LeaseExpired", "DeadLettered", "DeliveryIgnored"]
    assert names(again.events) == ["DeliveryIgnored"]


def _retried_in_console() -> Document:
    return after(failed(), *deliver(failed(), message_id="msg_2").events)


def _failed_again(document: Document) -> Document:
    decision = fail(
        document,
        run=document.run,
        attempt_id=document.attempt_id or "",
        failure=BROKEN,
        duration_ms=5,
        now=NOW,
        policy=POLICY,
    )
    return after(document, *decision.events)
