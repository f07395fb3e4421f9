"""Whatever happens, in whatever order: facts survive storage, and folds survive facts."""

from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import codec
from events.document import attempts, decisions, receipt
from events.document.duties import duties
from events.document.evolve import evolve, fold
from events.document.facts import (
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    ProgressReported,
    PublishFailed,
    TransportObserved,
)
from events.document.policy import SECOND
from events.document.state import Document
from events.errors import Refused
from tests.fakes import START
from tests.golden.samples import SAMPLES
from tests.property.document_rules import OUTCOME, POLICY
from tests.unit.document.builders import an

NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def _values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that a field of this type may have in the log, whose integers have 64 bits."""
    if kind is int:
        return NUMBERS
    if isinstance(kind, UnionType) or get_origin(kind) is UnionType:
        return st.one_of([_values(part) for part in get_args(kind)])
    return st.from_type(kind)


def _events(kind: type[DocumentEvent]) -> st.SearchStrategy[DocumentEvent]:
    fields = {field.name: _values(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


ANY_EVENT = st.one_of([_events(kind) for kind in codec.NAMES])


@pytest.mark.parametrize("kind", codec.NAMES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_event_survives_storage(kind: type[DocumentEvent], data: st.DataObject) -> None:
    event = data.draw(_events(kind))

    stored = codec.encode(event)
    read = codec.decode(stored.type, stored.schema_version, stored.data)

    assert read == event
    assert codec.encode(read) == stored


@settings(max_examples=200, deadline=None)
@given(events=st.lists(ANY_EVENT, max_size=12))
def test_a_fold_never_raises_even_for_events_that_no_rule_would_write(
    events: list[DocumentEvent],
) -> None:
    document = fold([an(DocumentRegistered), *events])

    assert document is not None
    duties(document, heard_at=START, policy=POLICY)


RUNS = st.integers(1, 3)
MESSAGES = st.sampled_from(["msg_1", "msg_2", "msg_3"])
ATTEMPTS = st.sampled_from(["attempt_0", "attempt_1", "attempt_2", "attempt_3"])
DELAYS = st.integers(0, 90).map(lambda seconds: seconds * SECOND)

Command = tuple[str, int, str, str, bool]
PUBLISHING = ("publish", "enqueued", "refused")
CLAIMS = ("progress", "succeed", "fail")
OTHERS = ("deliver", "expire", "observe", "cancel", "retry", "clear")
COMMANDS = st.tuples(
    st.sampled_from((*PUBLISHING, *CLAIMS, *OTHERS)),
    RUNS,
    MESSAGES,
    ATTEMPTS,
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(life=st.lists(st.tuples(COMMANDS, DELAYS), max_size=40))
def test_every_life_that_the_rules_allow_can_be_folded_and_goes_on(
    life: list[tuple[Command, int]],
) -> None:
    history: list[DocumentEvent] = [an(DocumentRegistered)]
    document, now = fold(history), START
    assert document is not None

    for command, delay in life:
        now += delay
        for event in _decide(document, command, now):
            history.append(event)
            document = evolve(document, event)
        moved_by = duties(document, heard_at=now, policy=POLICY)
        assert document.status.final or moved_by, "nothing would ever move this document"

    assert fold(history) == document
    assert document.attempt <= POLICY.attempt_budget


def _decide(document: Document, command: Command, now: int) -> list[DocumentEvent]:
    try:
        return _events_of(document, command, now)
    except Refused:
        return []


def _events_of(document: Document, command: Command, now: int) -> list[DocumentEvent]:
    name, run, message_id, attempt_id, flag = command
    if name in PUBLISHING:
        return _about_publishing(document, name, run=run, message_id=message_id, now=now)
    if name in CLAIMS:
        return _claimed(document, name, run=run, attempt_id=attempt_id, flag=flag, now=now)
    match name:
        case "deliver":
            return _delivered(document, command, now)
        case "expire":
            return attempts.expire(document, now=now, policy=POLICY, detected_by="sweeper")
        case "observe":
            return decisions.observe(
                document, an(TransportObserved, message_id=message_id, final=flag)
            )
        case "cancel":
            return decisions.request_cancel(document, by="ann", reason="", now=now)
        case "retry":
            return decisions.retry(
                document, by="ann", reason="", destination="d", policy=POLICY, now=now
            )
        case _:
            return decisions.dlq_entry_removed(document)


def _about_publishing(
    document: Document, name: str, *, run: int, message_id: str, now: int
) -> list[DocumentEvent]:
    publish_no = document.publish_no
    match name:
        case "publish":
            return decisions.request_enqueue(document, destination="d", policy=POLICY, now=now)
        case "enqueued":
            event = an(Enqueued, run=run, publish_no=publish_no, message_id=message_id)
            return decisions.record_enqueued(document, event)
        case _:
            return decisions.record_publish_failed(
                document, an(PublishFailed, run=run, publish_no=publish_no)
            )


def _claimed(
    document: Document, name: str, *, run: int, attempt_id: str, flag: bool, now: int
) -> list[DocumentEvent]:
    if name == "progress":
        report = an(ProgressReported, attempt_id=attempt_id, lease_until=now + POLICY.lease)
        return attempts.report_progress(document, report)
    if name == "succeed":
        decision = attempts.succeed(
            document, run=run, attempt_id=attempt_id, outcome=OUTCOME, duration_ms=1, now=now
        )
    else:
        failure = attempts.Failure(
            error_class="E", error_message="no", fingerprint="f", retryable=flag
        )
        decision = attempts.fail(
            document,
            run=run,
            attempt_id=attempt_id,
            failure=failure,
            duration_ms=1,
            now=now,
            policy=POLICY,
        )
    return list(decision.events)


def _delivered(document: Document, command: Command, now: int) -> list[DocumentEvent]:
    _, run, message_id, attempt_id, flag = command
    delivery = receipt.Delivery(
        run=run,
        message_id=message_id,
        retried=0,
        jti="jwt_1" if flag else f"jwt_{now}",
        signing_key="current",
        signed_at=now,
        body_sha256="00",
    )
    start = receipt.Start(attempt_id=attempt_id, node="n", code_version="1")
    return receipt.receive(document, delivery, start=start, policy=POLICY, now=now).events


def test_there_is_a_sample_of_every_event() -> None:
    assert set(SAMPLES) == set(codec.NAMES)
