"""Watches a simulated document and keeps its own books: invariants after every append.

16 at most one live lease · 17 no more attempts than the budget · 18 a success or a cancellation
changes only by a new run · 19 a superseded attempt (or run) changes nothing · 20 a replayed signed
request never starts work · 21 what the transport says never ends a lease nor changes a status ·
22 when the faults stop, every document ends in bounded time (``ended``) · 25 an erased document
never moves again, and its erasure is completed.

The books are kept from the events and from what really happened in the world (which attempt spoke,
which request arrived), never from the fold that is on trial; only 18 and 21 compare folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from events.document.facts import (
    AttemptDiscarded,
    Cancelled,
    CancelRequested,
    DeadLettered,
    DeliveryIgnored,
    DeliveryReceived,
    DocumentErased,
    DocumentEvent,
    EnqueueRequested,
    LeaseExpired,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    Requeued,
    RetryScheduled,
)
from events.document.receipt import IGNORED_STORED, Delivery
from events.document.state import Document, Erasure, Signature, Status


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What really happened, told by the world and not by the rules."""

    who: str
    delivery: Delivery | None = None
    claim_of: str | None = None
    """The attempt whose worker speaks."""
    notice: bool = False


@dataclass(slots=True)
class Lease:
    attempt_id: str
    until: int


MOVES = (
    CancelRequested,
    Cancelled,
    DeadLettered,
    DeliveryReceived,
    EnqueueRequested,
    LeaseExpired,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    ProgressReported,
    RetryScheduled,
)
"""Events that belong to a document which is still under way."""


@dataclass(slots=True)
class Witness:
    default_budget: int
    lease: Lease | None = None
    last_attempt: str | None = None
    ended_well: bool = False
    erased: bool = False
    starts: int = 0
    budget: int = 0
    ignored: int = 0
    run: int = 1
    adopted: set[str] = field(default_factory=set)
    """Messages of an earlier run that began a new one: somebody pressed Retry at QStash."""
    spent: set[Signature] = field(default_factory=set)
    """Signed requests that have started work, or that we have answered."""

    def appended(
        self,
        before: Document | None,
        after: Document,
        events: Sequence[DocumentEvent],
        *,
        cause: Cause,
        now: int,
    ) -> None:
        """Check one append; raises ``Broken``."""
        self._check_folds(before, after, events, cause)
        self._check_claim(events, cause)
        self._check_run(events, cause)
        for event in events:
            self._check_event(event, cause, now)
        if cause.delivery is not None:
            self.answered(cause.delivery)

    def answered(self, delivery: Delivery) -> None:
        """This signed request has had its answer: it may start nothing any more."""
        # Beyond the stored ones an ignored request leaves no trace that anybody could remember.
        if self.ignored < IGNORED_STORED:
            self.spent.add(_signature(delivery))

    def _check_folds(
        self,
        before: Document | None,
        after: Document,
        events: Sequence[DocumentEvent],
        cause: Cause,
    ) -> None:
        if before is None:
            return
        requeued = any(isinstance(event, Requeued) for event in events)
        over = before.status in (Status.SUCCEEDED, Status.CANCELLED)
        if over and after.status is not before.status and not requeued:
            raise Broken(f"18: {before.status} became {after.status} without a new run")
        held = (before.status, before.attempt_id, before.lease_until)
        if cause.notice and (after.status, after.attempt_id, after.lease_until) != held:
            raise Broken(f"21: a notice of the transport turned {before.status} {after.status}")

    def _check_claim(self, events: Sequence[DocumentEvent], cause: Cause) -> None:
        if cause.claim_of is None or cause.claim_of == self.last_attempt:
            return
        if any(not isinstance(event, AttemptDiscarded) for event in events):
            raise Broken(f"19: the superseded attempt {cause.claim_of} changed the document")

    def _check_run(self, events: Sequence[DocumentEvent], cause: Cause) -> None:
        if cause.delivery is None:
            return
        if any(isinstance(event, Requeued) for event in events):
            self.adopted.add(cause.delivery.message_id)
        stale = cause.delivery.run < self.run and cause.delivery.message_id not in self.adopted
        if stale and any(isinstance(event, ProcessingStarted) for event in events):
            raise Broken(f"19: run {cause.delivery.run} is over, yet its message began an attempt")

    def _check_event(self, event: DocumentEvent, cause: Cause, now: int) -> None:
        if self.ended_well and isinstance(event, MOVES):
            raise Broken(f"18: {type(event).__name__} after the document had ended")
        if self.erased and isinstance(event, (*MOVES, Requeued)):
            raise Broken(f"25: {type(event).__name__} after the document was erased")
        match event:
            case ProcessingStarted():
                self._started(event, cause, now)
            case LeaseExpired():
                self._expired(event, now)
            case _:
                self._note(event)

    def _note(self, event: DocumentEvent) -> None:
        match event:
            case Requeued():
                self._new_run(event.run)
            case EnqueueRequested():
                self.budget = event.attempt_budget
            case ProgressReported() if self.lease is not None:
                self.lease.until = event.lease_until
            case DeliveryIgnored():
                self.ignored += 1
            case ProcessingSucceeded() | Cancelled():
                self.lease, self.ended_well = None, True
            case ProcessingFailed() | DeadLettered():
                self.lease = None
            case DocumentErased():
                self.erased = True
            case _:
                pass

    def _new_run(self, run: int) -> None:
        self.run = run
        self.lease, self.last_attempt, self.ended_well = None, None, False
        self.starts, self.ignored = 0, 0

    def _started(self, event: ProcessingStarted, cause: Cause, now: int) -> None:
        if self.lease is not None:
            raise Broken(f"16: {event.attempt_id} began while {self.lease.attempt_id} held it")
        self.starts += 1
        if self.starts > (self.budget or self.default_budget):
            raise Broken(f"17: attempt {self.starts} of a budget of {self.budget}")
        if cause.delivery is not None and _signature(cause.delivery) in self.spent:
            raise Broken(f"20: a replay of {_signature(cause.delivery)} began {event.attempt_id}")
        self.lease = Lease(event.attempt_id, event.lease_until)
        self.last_attempt = event.attempt_id

    def _expired(self, event: LeaseExpired, now: int) -> None:
        if self.lease is None:
            raise Broken(f"16: {event.attempt_id} held no lease that could expire")
        if now < self.lease.until and event.detected_by != "restart":
            raise Broken(f"16: the live lease of {self.lease.attempt_id} was taken away")
        self.lease = None

    def ended(self, document: Document | None) -> None:
        """Nothing is under way any more, or time is up: the document must have ended."""
        if document is None or not document.status.final:
            status = document.status if document else "unknown"
            raise Broken(f"22: the document stays {status} for ever")
        if document.erasure is Erasure.BEGUN:
            raise Broken("25: the erasure is never completed")


def _signature(delivery: Delivery) -> Signature:
    return delivery.message_id, delivery.retried, delivery.jti
