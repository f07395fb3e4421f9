"""The rules of a document's life as one object, so that a deliberate bug can take one's place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from events.document import attempts, decisions, duties, receipt
from events.document.duties import Duty
from events.document.facts import DocumentEvent, TransportObserved
from events.document.policy import SECOND, Policy
from events.document.receipt import Delivery, Receipt, Start
from events.document.state import Document

POLICY = Policy(
    attempt_budget=4,
    retry_delays=(12 * SECOND, 60 * SECOND, 300 * SECOND),
    lease=30 * SECOND,
    grace=5 * SECOND,
    patience=120 * SECOND,
)


class Receive(Protocol):
    def __call__(
        self, document: Document | None, delivery: Delivery, *, start: Start, now: int
    ) -> Receipt: ...


class Succeed(Protocol):
    def __call__(
        self, document: Document, *, run: int, attempt_id: str, now: int
    ) -> attempts.Decision: ...


class Fail(Protocol):
    def __call__(
        self, document: Document, *, run: int, attempt_id: str, retryable: bool, now: int
    ) -> attempts.Decision: ...


class Expire(Protocol):
    def __call__(
        self, document: Document, *, now: int, restart: bool
    ) -> Sequence[DocumentEvent]: ...


OUTCOME = attempts.Outcome(result_ref="results/1", pages=3, characters=900, text_sha256="ab")


def receive(document: Document | None, delivery: Delivery, *, start: Start, now: int) -> Receipt:
    return receipt.receive(document, delivery, start=start, policy=POLICY, now=now)


def succeed(document: Document, *, run: int, attempt_id: str, now: int) -> attempts.Decision:
    return attempts.succeed(
        document, run=run, attempt_id=attempt_id, outcome=OUTCOME, duration_ms=5, now=now
    )


def fail(
    document: Document, *, run: int, attempt_id: str, retryable: bool, now: int
) -> attempts.Decision:
    failure = attempts.Failure(
        error_class="Unreadable", error_message="no", fingerprint="f", retryable=retryable
    )
    return attempts.fail(
        document,
        run=run,
        attempt_id=attempt_id,
        failure=failure,
        duration_ms=5,
        now=now,
        policy=POLICY,
    )


def retry(document: Document, now: int) -> Sequence[DocumentEvent]:
    return decisions.retry(document, by="ann", reason="", destination="d", policy=POLICY, now=now)


def expire(document: Document, *, now: int, restart: bool) -> Sequence[DocumentEvent]:
    return attempts.expire(
        document, now=now, policy=POLICY, detected_by="restart" if restart else "sweeper"
    )


def open_duties(document: Document, heard_at: int) -> Sequence[Duty]:
    return duties.duties(document, heard_at=heard_at, policy=POLICY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that a simulated world asks; each part may be replaced by a wrong one."""

    receive: Receive = receive
    succeed: Succeed = succeed
    fail: Fail = fail
    expire: Expire = expire
    observe: Callable[[Document, TransportObserved], Sequence[DocumentEvent]] = decisions.observe
    duties: Callable[[Document, int], Sequence[Duty]] = open_duties
    may_append: Callable[[int, int], bool] = int.__eq__
    """Whether an append that expects one version may land on the actual one."""
