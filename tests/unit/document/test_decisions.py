"""The rules that are no race and no transition: who is refused, and what is noted once."""

import pytest
from msgspec.structs import replace

from events.document.attempts import expire, report_progress
from events.document.decisions import (
    dlq_entry_removed,
    known,
    observe,
    record_enqueued,
    record_publish_failed,
    request_cancel,
)
from events.document.facts import (
    DocumentRegistered,
    Enqueued,
    LeaseExpired,
    ProgressReported,
    PublishFailed,
    Requeued,
    TransportObserved,
)
from events.document.state import Document
from events.errors import DocumentUnknown, Refused
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
    register,
    retry,
    retrying,
    succeeded,
)


def test_an_unknown_document_is_refused_by_its_id() -> None:
    with pytest.raises(DocumentUnknown, match="'doc_9' is not known"):
        known(None, "doc_9")


def test_a_known_document_is_itself() -> None:
    document = received()

    assert known(document, document.id) is document


def test_the_same_content_again_is_the_same_document() -> None:
    assert register(received(), an(DocumentRegistered, name="other.pdf")) == []


def test_other_content_under_the_same_id_is_refused() -> None:
    with pytest.raises(Refused, match="use a new idempotency key"):
        register(received(), an(DocumentRegistered, sha256="00"))


def test_a_reference_without_a_hash_is_the_same_by_its_place() -> None:
    here = an(DocumentRegistered, sha256=None)

    assert register(received(), here) == []
    with pytest.raises(Refused):
        register(received(), replace(here, blob_ref="elsewhere"))


@pytest.mark.parametrize("document", [succeeded(), failed()], ids=["succeeded", "failed"])
def test_what_has_ended_cannot_be_cancelled(document: Document) -> None:
    with pytest.raises(Refused, match="nothing to cancel"):
        request_cancel(document, by="ann", reason="", now=NOW)


def test_cancelling_what_is_cancelled_changes_nothing() -> None:
    assert request_cancel(cancelled(), by="ann", reason="", now=NOW) == []


@pytest.mark.parametrize(
    "document",
    [received(), queued(), processing(), retrying()],
    ids=lambda document: document.status.value,
)
def test_what_is_under_way_cannot_be_retried(document: Document) -> None:
    with pytest.raises(Refused, match="only one that has ended"):
        retry(document)


def test_progress_of_the_running_attempt_renews_its_lease() -> None:
    report = an(ProgressReported)

    assert report_progress(processing(), report) == [report]


@pytest.mark.parametrize("document", [retrying(), succeeded()], ids=["retrying", "succeeded"])
def test_progress_of_an_attempt_that_is_over_is_dropped(document: Document) -> None:
    assert report_progress(document, an(ProgressReported)) == []


def test_an_answer_to_a_publish_of_an_earlier_run_is_dropped() -> None:
    assert record_enqueued(after(failed(), an(Requeued)), an(Enqueued)) == []


def test_a_failed_publish_is_noted_while_it_is_awaited() -> None:
    event = an(PublishFailed)

    assert record_publish_failed(publishing(), event) == [event]
    assert record_publish_failed(publishing(), replace(event, publish_no=2)) == []
    assert record_publish_failed(publishing(), replace(event, run=2)) == []
    assert record_publish_failed(queued(), event) == []


def test_the_sweeper_gives_a_lease_some_grace_and_a_delivery_gives_none() -> None:
    document = processing()

    swept = expire(document, now=LEASE_END, policy=POLICY, detected_by="sweeper")
    delivered = expire(document, now=LEASE_END, policy=POLICY, detected_by="delivery")

    assert swept == []
    assert len(delivered) == 2


def test_a_live_lease_is_not_ended_by_anybody() -> None:
    early = LEASE_END - 1

    assert expire(processing(), now=early, policy=POLICY, detected_by="delivery") == []


def test_a_restart_knows_that_its_workers_are_gone() -> None:
    events = expire(processing(), now=NOW, policy=POLICY, detected_by="restart")

    assert isinstance(events[0], LeaseExpired)
    assert events[0].detected_by == "restart"


def test_there_is_no_lease_to_end_outside_an_attempt() -> None:
    assert expire(retrying(), now=LEASE_END, policy=POLICY, detected_by="restart") == []


def test_a_dead_letter_is_cleared_once() -> None:
    document = after(succeeded(), an(TransportObserved))

    [removed] = dlq_entry_removed(document)

    assert dlq_entry_removed(after(document, removed)) == []


def test_a_new_dead_letter_is_always_noted() -> None:
    document = after(succeeded(), an(TransportObserved))
    other = an(TransportObserved, dlq_id="2-0")

    assert observe(document, other) == [other]


def test_a_withdrawal_is_always_noted_because_it_closes_a_duty() -> None:
    event = an(TransportObserved, kind="withdrawal", state="cancelled", dlq_id=None)

    assert observe(cancelled(), event) == [event]


@pytest.mark.parametrize(
    "notice",
    [
        an(TransportObserved, kind="log_poll", message_id="msg_0", dlq_id=None),
        an(TransportObserved, kind="log_poll", state="created", final=False, dlq_id=None),
    ],
    ids=["an older message", "a known state"],
)
def test_what_changes_nothing_is_not_noted(notice: TransportObserved) -> None:
    assert observe(queued(), notice) == []


def test_a_new_state_of_the_message_is_noted() -> None:
    notice = an(TransportObserved, kind="log_poll", state="active", final=False, dlq_id=None)

    assert observe(queued(), notice) == [notice]


def test_the_failure_of_a_failed_documents_message_is_no_news() -> None:
    assert observe(failed(), an(TransportObserved, dlq_id=None)) == []


def test_the_end_of_a_message_is_noted_although_its_state_is_known() -> None:
    known_state = after(queued(), an(TransportObserved, kind="log_poll", dlq_id=None, final=False))
    final = an(TransportObserved, dlq_id=None)

    assert observe(known_state, final) == [final]
