"""What a document remembers of its way, and what it forgets when a new one begins."""

from msgspec.structs import asdict

from events.document.facts import (
    DeadLettered,
    DeliveryReceived,
    EnqueueRequested,
    ProcessingSucceeded,
    PublishFailed,
    Requeued,
    TransportObserved,
)
from events.document.state import SEEN_SIGNATURES, Document, Status
from tests.fakes import START
from tests.golden.samples import DOCUMENT
from tests.unit.document.builders import (
    after,
    an,
    cancelled,
    document_of,
    failed,
    processing,
    publishing,
    received,
    retrying,
)


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
