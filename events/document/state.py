"""A document as its events make it (``evolve``).

``status`` is ours, ``delivery`` is QStash's; neither is ever set, both follow from events.
"""

from enum import StrEnum

import msgspec

from events.document.facts import DeliveryState

SEEN_SIGNATURES = 64
"""Signed requests remembered per document; QStash's signatures are valid for five minutes."""

Signature = tuple[str, int, str]
"""``(message_id, retried, jti)``: one signed request."""


class Status(StrEnum):
    """Where a document is; ``SUCCEEDED``, ``FAILED`` and ``CANCELLED`` are final."""

    RECEIVED = "received"
    QUEUED = "queued"
    PROCESSING = "processing"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether only a person's request can change it."""
        return self in FINAL


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})


class Erasure(StrEnum):
    """How far an erasure is; it never goes back."""

    BEGUN = "begun"
    """Nobody is told what it held; bytes and keys are being destroyed."""
    COMPLETE = "complete"
    """Nothing of what it held is left."""


class Publishing(msgspec.Struct, frozen=True, kw_only=True):
    """A publish of which we do not know yet that QStash took it."""

    dedup_id: str
    destination: str
    requested_at: int
    next_at: int | None
    ambiguous: bool
    failures: int


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything the rules need to know of a document."""

    id: str
    blob_ref: str
    sha256: str | None
    bytes: int | None
    name: str
    owner: str
    content_type: str
    processor: str
    waiting_since: int
    """When it began to wait for its next attempt."""
    status: Status = Status.RECEIVED
    run: int = 1
    attempt: int = 0
    attempt_budget: int = 0
    attempt_id: str | None = None
    """The attempt that holds the lease, or held it last."""
    lease_until: int | None = None
    pages_done: int = 0
    pages_total: int = 0
    publish_no: int = 0
    publishing: Publishing | None = None
    message_ids: tuple[str, ...] = ()
    """QStash's messages of this run, newest last."""
    oldest_body_run: int = 1
    """The lowest run that a message may name: a Retry in QStash's console repeats an old body."""
    former_message_ids: tuple[str, ...] = ()
    """QStash's messages of the runs before this one, newest last; as bounded as ``seen``."""
    seen: tuple[Signature, ...] = ()
    ignored: int = 0
    retry_at: int | None = None
    unattended: bool = False
    """Its last worker vanished, so QStash may come back late or never: the retry is ours."""
    error: str | None = None
    error_class: str | None = None
    result_ref: str | None = None
    pages: int = 0
    cancel_requested: bool = False
    transport_exhausted: bool = False
    dlq_id: str | None = None
    dlq_message_id: str | None = None
    withdraw: str | None = None
    """A message that QStash should not deliver any more."""
    delivery: DeliveryState | None = None
    erasure: Erasure | None = None

    def leased(self, now: int) -> bool:
        """Whether a worker is entitled to this document at ``now``."""
        return (
            self.status is Status.PROCESSING
            and self.lease_until is not None
            and now < self.lease_until
        )

    def retried_by_transport(self, message_id: str, run: int) -> bool:
        """Whether this message was made by somebody who pressed Retry in QStash's console."""
        known = message_id in self.message_ids or message_id in self.former_message_ids
        named = self.oldest_body_run <= run <= self.run
        return self.status is Status.FAILED and named and not known and self.erasure is None

    def knows(self, message_id: str) -> bool:
        """Whether this message was published for the current run."""
        return message_id in self.message_ids
