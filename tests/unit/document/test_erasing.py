"""Erasing what a document held: when it may be asked for, and what it stops."""

import pytest
from msgspec.structs import replace

from events.document import decisions
from events.document.attempts import Outcome, succeed
from events.document.duties import Task, duties, tidying
from events.document.evolve import fold
from events.document.facts import (
    AttemptDiscarded,
    DeadLettered,
    DocumentErased,
    DocumentEvent,
    DocumentRegistered,
    ErasureCompleted,
    ProcessingFailed,
)
from events.document.personal import ERASED, PERSONAL, personal
from events.document.state import Document, Erasure
from events.errors import DocumentGone, Refused
from tests.golden.samples import DOCUMENT, SAMPLES
from tests.unit.document.builders import (
    NOW,
    POLICY,
    after,
    an,
    cancelled,
    deliver,
    failed,
    processing,
    queued,
    received,
    register,
    retry,
    retrying,
    succeeded,
)

NOTHING = Outcome(result_ref=None, pages=0, characters=0, text_sha256=None)


def _erased(document: Document) -> Document:
    return after(document, *decisions.erase(document, by="ann", reason="request 1", now=NOW))


@pytest.mark.parametrize("document", [succeeded(), failed(), cancelled()], ids=lambda d: d.status)
def test_a_document_that_has_ended_is_erased_once(document: Document) -> None:
    [event] = decisions.erase(document, by="ann", reason="request 1", now=NOW)

    assert event == DocumentErased(
        document_id=document.id, by="ann", reason="request 1", requested_at=NOW
    )
    assert decisions.erase(after(document, event), by="bob", reason="", now=NOW) == []


@pytest.mark.parametrize(
    "document", [received(), queued(), processing(), retrying()], ids=lambda d: d.status
)
def test_a_document_that_goes_on_must_be_cancelled_first(document: Document) -> None:
    with pytest.raises(Refused, match="cancel it first"):
        decisions.erase(document, by="ann", reason="", now=NOW)


def test_its_remains_are_a_duty_until_nothing_is_left() -> None:
    document = _erased(succeeded())

    assert Task.ERASE in tidying(document)
    assert [duty.at for duty in duties(document, heard_at=NOW, policy=POLICY)] == [NOW]

    [completed] = decisions.complete_erasure(document)
    assert tidying(after(document, completed)) == []
    assert decisions.complete_erasure(after(document, completed)) == []


def test_an_erased_document_starts_no_run_again() -> None:
    document = _erased(failed())

    with pytest.raises(DocumentGone, match=document.id):
        retry(document)
    with pytest.raises(DocumentGone):
        register(document, an(DocumentRegistered))
    receipt = deliver(document, message_id="msg_of_the_console")
    assert [type(event).__name__ for event in receipt.events] == ["DeliveryIgnored"]


def test_a_late_worker_brings_nothing_back() -> None:
    document = failed()

    decision = succeed(
        _erased(document),
        run=document.run,
        attempt_id=document.attempt_id or "",
        outcome=NOTHING,
        duration_ms=1,
        now=NOW,
    )

    assert decision.events == [
        AttemptDiscarded(
            document_id=document.id,
            attempt_id=document.attempt_id or "",
            claimed="succeeded",
            why="terminal",
        )
    ]


def test_a_replay_without_the_keys_ends_in_the_same_state() -> None:
    life: list[DocumentEvent] = [
        an(DocumentRegistered, source="reference", blob_ref="incoming/ann.pdf"),
        an(ProcessingFailed),
        an(DeadLettered),
        an(DocumentErased),
        an(ErasureCompleted),
    ]

    document = fold([replace(event, **dict.fromkeys(personal(event), ERASED)) for event in life])

    assert document == fold(life)
    assert document is not None
    assert document.erasure is Erasure.COMPLETE


@pytest.mark.parametrize("kind", PERSONAL, ids=lambda kind: kind.__name__)
def test_every_personal_field_is_a_text_of_its_event(kind: type[DocumentEvent]) -> None:
    for name in PERSONAL[kind]:
        assert isinstance(getattr(SAMPLES[kind], name), str)


def test_the_path_of_a_reference_is_personal_and_our_own_name_is_not() -> None:
    referred = an(DocumentRegistered, source="reference", blob_ref="incoming/ann.pdf")

    assert personal(referred)["blob_ref"] == "incoming/ann.pdf"
    assert "blob_ref" not in personal(an(DocumentRegistered))
    assert personal(an(ErasureCompleted)) == {}
    assert DOCUMENT not in personal(referred).values()
