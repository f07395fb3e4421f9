"""A signed delivery arrives: may work start, and what does QStash hear?"""

from zlib import crc32

import msgspec

from events.document.answers import ACKNOWLEDGED, Answer, give_up, try_again
from events.document.attempts import answer_for, expire
from events.document.evolve import evolve
from events.document.facts import (
    DeadLettered,
    DeliveryIgnored,
    DeliveryReceived,
    DocumentEvent,
    IgnoreReason,
    ProcessingStarted,
    Requeued,
)
from events.document.policy import SECOND, Policy
from events.document.state import Document, Status

IGNORED_STORED = 20
"""Ignored deliveries stored per run; more of them say nothing new and would only grow the log."""
LONGEST_SPREAD = 10 * SECOND
"""How much later than the lease's end a delivery is asked to come again, at most."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery whose signature has been verified."""

    run: int
    message_id: str
    retried: int
    jti: str
    signing_key: str
    signed_at: int
    body_sha256: str


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a new attempt would be called, and where it would run."""

    attempt_id: str
    node: str
    code_version: str


class Receipt(msgspec.Struct, frozen=True):
    """Events to append; ``answer`` is ``None`` when an attempt starts (it will answer)."""

    events: list[DocumentEvent]
    answer: Answer | None


def receive(
    document: Document | None,
    delivery: Delivery,
    *,
    start: Start,
    policy: Policy,
    now: int,
) -> Receipt:
    """Start the document's next attempt, or say why not.

    The order of the checks matters: what is over is over (a stale run, an end), then the lease,
    then the replay of a signed request, and only then does an attempt begin.
    """
    if document is None:
        return Receipt([], give_up("this document is not known here"))
    if document.retried_by_transport(delivery.message_id, delivery.run):
        return _retry(document, delivery, start=start, policy=policy, now=now)
    if delivery.run != document.run and not document.knows(delivery.message_id):
        return _wrong_run(document, delivery)
    if document.status in (Status.SUCCEEDED, Status.CANCELLED):
        over: IgnoreReason = (
            "already_succeeded" if document.status is Status.SUCCEEDED else "cancelled"
        )
        return _ignored(document, delivery, over, ACKNOWLEDGED)
    if document.status is Status.FAILED:
        answer = answer_for(document, stale_run=False, now=now)
        return _ignored(document, delivery, "dead", answer)
    if document.leased(now):
        return _ignored(document, delivery, "lease_held", _after_the_lease(document, delivery, now))
    if (delivery.message_id, delivery.retried, delivery.jti) in document.seen:
        answer = answer_for(document, stale_run=False, now=now)
        return _ignored(document, delivery, "replay", answer)
    return _take_over(document, delivery, start=start, policy=policy, now=now)


def _after_the_lease(document: Document, delivery: Delivery, now: int) -> Answer:
    """When the lease has run out, and a little later, so that many deliveries do not come at once.

    The spread is taken from the message instead of chance: the same delivery has the same answer.
    """
    remaining = max((document.lease_until or now) - now, SECOND)
    most = min(remaining // 4, LONGEST_SPREAD)
    share = crc32(f"{delivery.message_id}.{delivery.retried}".encode())
    return try_again(remaining + (most * share >> 32), "somebody else is working on it")


def _wrong_run(document: Document, delivery: Delivery) -> Receipt:
    if delivery.run < document.run:
        return _ignored(document, delivery, "stale_run", ACKNOWLEDGED)
    return Receipt([], give_up(f"run {delivery.run} of this document is not known here"))


def _retry(
    document: Document, delivery: Delivery, *, start: Start, policy: Policy, now: int
) -> Receipt:
    # Retry in QStash's console makes a new message with the same body: a person asked for it.
    requeued = Requeued(
        document_id=document.id,
        run=document.run + 1,
        by="qstash",
        reason="retried from the dead letter queue",
        from_status=document.status.value,
        requested_at=now,
        via="qstash_dlq",
    )
    again = evolve(document, requeued)
    begun = _begin(again, delivery, start=start, policy=policy, now=now)
    return Receipt([requeued, *begun], None)


def _take_over(
    document: Document, delivery: Delivery, *, start: Start, policy: Policy, now: int
) -> Receipt:
    events = expire(document, now=now, policy=policy, detected_by="delivery")
    for event in events:
        document = evolve(document, event)
    budget = document.attempt_budget or policy.attempt_budget
    if not document.status.final and document.attempt >= budget:
        # The budget was lowered while the run was under way; nobody else would ever end it.
        events.append(_budget_exhausted(document))
        document = evolve(document, events[-1])
    if document.status.final:
        # Stored, so that this message is known: its next delivery is not a person's Retry.
        over: IgnoreReason = "cancelled" if document.status is Status.CANCELLED else "dead"
        answer = answer_for(document, stale_run=False, now=now)
        ignored = _ignored(document, delivery, over, answer)
        return Receipt([*events, *ignored.events], answer)
    events.extend(_begin(document, delivery, start=start, policy=policy, now=now))
    return Receipt(events, None)


def _budget_exhausted(document: Document) -> DeadLettered:
    return DeadLettered(
        document_id=document.id,
        run=document.run,
        reason="budget_exhausted",
        last_error=document.error or "the run has no attempt left",
    )


def _begin(
    document: Document, delivery: Delivery, *, start: Start, policy: Policy, now: int
) -> list[DocumentEvent]:
    received = DeliveryReceived(
        document_id=document.id,
        run=document.run,
        message_id=delivery.message_id,
        retried=delivery.retried,
        jti=delivery.jti,
        signing_key="next" if delivery.signing_key == "next" else "current",
        signed_at=delivery.signed_at,
        body_sha256=delivery.body_sha256,
        node=start.node,
    )
    started = ProcessingStarted(
        document_id=document.id,
        run=document.run,
        attempt=document.attempt + 1,
        attempt_id=start.attempt_id,
        message_id=delivery.message_id,
        retried=delivery.retried,
        lease_until=now + policy.lease,
        waited_ms=max(0, (now - document.waiting_since) // 1000),
        node=start.node,
        code_version=start.code_version,
    )
    return [received, started]


def _ignored(
    document: Document, delivery: Delivery, reason: IgnoreReason, answer: Answer
) -> Receipt:
    if document.ignored >= IGNORED_STORED:
        return Receipt([], answer)
    event = DeliveryIgnored(
        document_id=document.id,
        run=document.run,
        message_id=delivery.message_id,
        retried=delivery.retried,
        jti=delivery.jti,
        reason=reason,
        responded=answer.status,
        retry_after_s=answer.retry_after_s,
    )
    return Receipt([event], answer)
