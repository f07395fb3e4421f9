"""What happens next by itself: the agenda of a document in each state."""

from typing import Literal

import pytest

from events.document.attempts import expire
from events.document.duties import Duty, Task, duties, repeatable
from events.document.facts import (
    Enqueued,
    EnqueueRequested,
    PublishFailed,
    Requeued,
    TransportObserved,
)
from events.document.policy import SECOND
from events.document.state import Document
from tests.fakes import START
from tests.unit.document.builders import (
    LEASE_END,
    NOW,
    POLICY,
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

RETRY_AT = START + 60 * SECOND
PUBLISHED_AT = START + SECOND


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (received(), Duty(NOW, Task.PUBLISH)),
        (publishing(), Duty(PUBLISHED_AT, Task.REPUBLISH)),
        (after(publishing(), an(PublishFailed)), Duty(START + 20 * SECOND, Task.REPUBLISH)),
        (queued(), Duty(NOW + POLICY.patience, Task.INQUIRE)),
        (processing(), Duty(LEASE_END + POLICY.grace, Task.EXPIRE)),
        (retrying(), Duty(RETRY_AT + POLICY.patience, Task.INQUIRE)),
    ],
    ids=["received", "publishing", "publish failed", "queued", "processing", "retrying"],
)
def test_a_document_under_way_always_has_something_that_moves_it(
    document: Document, expected: Duty
) -> None:
    assert _duties(document) == [expected]


@pytest.mark.parametrize("document", [succeeded(), failed()], ids=["succeeded", "failed"])
def test_a_document_that_has_ended_needs_nothing(document: Document) -> None:
    assert _duties(document) == []


def test_a_queued_document_that_qstash_gave_up_is_published_at_once() -> None:
    document = after(queued(), an(TransportObserved, dlq_id=None))

    assert _duties(document) == [Duty(NOW, Task.PUBLISH)]


def test_a_retry_that_qstash_gave_up_is_published_when_it_is_due() -> None:
    document = after(retrying(), an(TransportObserved, dlq_id=None))

    assert _duties(document) == [Duty(RETRY_AT, Task.PUBLISH)]


def test_a_notice_during_an_attempt_waits_for_its_end() -> None:
    document = after(processing(), an(TransportObserved, dlq_id=None))

    assert _duties(document) == [Duty(LEASE_END + POLICY.grace, Task.EXPIRE)]


def test_a_cancelled_documents_message_is_withdrawn() -> None:
    assert _duties(cancelled()) == [Duty(NOW, Task.WITHDRAW)]


def test_the_dead_letter_of_a_failed_document_stays_for_people_to_see() -> None:
    assert _duties(after(failed(), an(TransportObserved))) == []


def test_the_dead_letter_of_an_earlier_run_is_cleared() -> None:
    document = after(failed(), an(TransportObserved), an(Requeued))

    assert [duty.task for duty in _duties(document)] == [Task.PUBLISH, Task.CLEAR_DEAD_LETTER]


def test_a_failed_documents_older_dead_letter_is_cleared() -> None:
    document = after(failed(), an(TransportObserved, message_id="msg_0"))

    assert [duty.task for duty in _duties(document)] == [Task.CLEAR_DEAD_LETTER]


def test_a_publish_of_unknown_outcome_is_repeated_only_while_qstash_recognises_it() -> None:
    awaited = after(publishing(), an(PublishFailed, ambiguous=True)).publishing
    assert awaited is not None
    end = PUBLISHED_AT + POLICY.republish

    assert repeatable(awaited, now=end - 1, policy=POLICY)
    assert not repeatable(awaited, now=end, policy=POLICY)


def test_a_publish_that_qstash_surely_refused_may_always_be_repeated() -> None:
    awaited = after(publishing(), an(PublishFailed, ambiguous=False)).publishing
    assert awaited is not None

    assert repeatable(awaited, now=PUBLISHED_AT + 2 * POLICY.republish, policy=POLICY)


def test_an_answered_publish_is_not_repeated() -> None:
    again = after(queued(), an(EnqueueRequested, publish_no=2), an(Enqueued, publish_no=2))

    assert [duty.task for duty in _duties(again)] == [Task.INQUIRE]


def _duties(document: Document) -> list[Duty]:
    return duties(document, heard_at=NOW, policy=POLICY)


@pytest.mark.parametrize(("detected_by", "wait"), [("restart", 0), ("sweeper", 12 * SECOND)])
def test_a_vanished_worker_is_not_left_to_qstash(
    detected_by: Literal["restart", "sweeper"], wait: int
) -> None:
    now = LEASE_END + POLICY.grace
    lost = after(
        processing(), *expire(processing(), now=now, policy=POLICY, detected_by=detected_by)
    )

    assert duties(lost, heard_at=now, policy=POLICY) == [Duty(now + wait, Task.PUBLISH)]
