"""Nine deliberate bugs: each leaves one rule out, and the chaos must notice.

They prove that the simulation can fail: a rule whose absence goes unnoticed is a rule untested.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from events.document import attempts, decisions
from events.document.answers import try_again
from events.document.duties import Duty, Task
from events.document.facts import DeadLettered, DocumentEvent, TransportObserved
from events.document.policy import SECOND
from events.document.receipt import Delivery, Receipt, Start
from events.document.state import Document, Status
from tests.property import document_rules as real
from tests.property.document_rules import Rules

UNLIMITED = 1_000_000


def _without_lease(
    document: Document | None, delivery: Delivery, *, start: Start, now: int
) -> Receipt:
    if document is not None and document.leased(now):
        document = replace(document, status=Status.RETRYING, lease_until=None)
    return real.receive(document, delivery, start=start, now=now)


def _unfenced_success(
    document: Document, *, run: int, attempt_id: str, now: int
) -> attempts.Decision:
    return real.succeed(document, run=run, attempt_id=document.attempt_id or attempt_id, now=now)


def _unfenced_failure(
    document: Document, *, run: int, attempt_id: str, retryable: bool, now: int
) -> attempts.Decision:
    attempt_id = document.attempt_id or attempt_id
    return real.fail(document, run=run, attempt_id=attempt_id, retryable=retryable, now=now)


def _notice_kills(document: Document, event: TransportObserved) -> Sequence[DocumentEvent]:
    events = decisions.observe(document, event)
    if event.kind != "failure_callback" or not document.knows(event.message_id):
        return events
    dead = DeadLettered(
        document_id=document.id, run=document.run, reason="budget_exhausted", last_error="gave up"
    )
    return [*events, dead]


def _without_replay_key(
    document: Document | None, delivery: Delivery, *, start: Start, now: int
) -> Receipt:
    if document is not None:
        document = replace(document, seen=())
    return real.receive(document, delivery, start=start, now=now)


def _only_publish(document: Document, heard_at: int) -> Sequence[Duty]:
    """What a dispatcher does without a sweeper beside it: it hands over what was never queued."""
    fresh = document.status is Status.RECEIVED or document.publishing is not None
    publishes = (Task.PUBLISH, Task.REPUBLISH)
    return [
        duty for duty in real.open_duties(document, heard_at) if fresh and duty.task in publishes
    ]


def _enqueued_first(
    document: Document | None, delivery: Delivery, *, start: Start, now: int
) -> Receipt:
    if document is not None and document.publishing is not None:
        return Receipt([], try_again(5 * SECOND, "not enqueued yet"))
    return real.receive(document, delivery, start=start, now=now)


def _unlimited(document: Document) -> Document:
    return replace(document, attempt_budget=UNLIMITED)


def _unlimited_receive(
    document: Document | None, delivery: Delivery, *, start: Start, now: int
) -> Receipt:
    limitless = _unlimited(document) if document is not None else None
    return real.receive(limitless, delivery, start=start, now=now)


def _unlimited_failure(
    document: Document, *, run: int, attempt_id: str, retryable: bool, now: int
) -> attempts.Decision:
    return real.fail(
        _unlimited(document), run=run, attempt_id=attempt_id, retryable=retryable, now=now
    )


def _unlimited_expiry(document: Document, *, now: int, restart: bool) -> Sequence[DocumentEvent]:
    return real.expire(_unlimited(document), now=now, restart=restart)


def _any_run(document: Document | None, delivery: Delivery, *, start: Start, now: int) -> Receipt:
    if document is not None:
        delivery = replace(delivery, run=document.run)
    return real.receive(document, delivery, start=start, now=now)


def _always(expected: int, actual: int) -> bool:
    return True


MUTANTS: Mapping[str, Rules] = {
    "no compare-and-set": Rules(may_append=_always),
    "no lease check": Rules(receive=_without_lease),
    "no fencing": Rules(succeed=_unfenced_success, fail=_unfenced_failure),
    "a failure callback is a death": Rules(observe=_notice_kills),
    "no replay key": Rules(receive=_without_replay_key),
    "no sweeper": Rules(duties=_only_publish),
    "enqueued first": Rules(receive=_enqueued_first),
    "no budget": Rules(
        receive=_unlimited_receive, fail=_unlimited_failure, expire=_unlimited_expiry
    ),
    "no stale-run check": Rules(receive=_any_run),
}
