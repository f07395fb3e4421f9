"""The events of a document's life.

Their names and fields are the storage format: a field may be added with a default, nothing may be
renamed or change its meaning (that is a new event). Times are microseconds since the epoch (UTC),
durations say their unit in their name.

A document has *runs* (1, 2, ...: one per enqueue by a person), a run has *attempts* (our count of
real starts), and each attempt has an ``attempt_id``, the token that fences out late workers.
``message_id`` and ``retried`` are QStash's own counters and are kept apart from ours.
"""

from typing import Literal

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every event has: the document that it is about."""

    document_id: str


class DocumentRegistered(Fact, frozen=True, kw_only=True):
    """A document was accepted; its bytes lie in the object store under ``blob_ref``."""

    sha256: str | None
    bytes: int | None
    content_type: str
    blob_ref: str
    name: str
    owner: str
    source: Literal["upload", "reference"]
    processor: str
    received_at: int
    tenant: str = "default"


EnqueueReason = Literal["initial", "requeue", "transport_exhausted", "publish_retry", "lost"]


class EnqueueRequested(Fact, frozen=True, kw_only=True):
    """We are about to publish; written before QStash is called."""

    run: int
    publish_no: int
    attempt_budget: int
    dedup_id: str
    destination: str
    reason: EnqueueReason
    requested_at: int
    not_before: int | None = None


class Enqueued(Fact, frozen=True, kw_only=True):
    """QStash has the message."""

    run: int
    publish_no: int
    message_id: str
    deduplicated: bool
    transport: Literal["qstash", "local"]
    transport_retries: int


class PublishFailed(Fact, frozen=True, kw_only=True):
    """QStash did not take the message, or we do not know (``ambiguous``)."""

    run: int
    publish_no: int
    error_class: str
    error_message: str
    http_status: int | None
    ambiguous: bool
    next_publish_at: int


class DeliveryReceived(Fact, frozen=True, kw_only=True):
    """A signed delivery arrived and was let through."""

    run: int
    message_id: str
    retried: int
    jti: str
    signing_key: Literal["current", "next"]
    signed_at: int
    body_sha256: str
    node: str


IgnoreReason = Literal[
    "lease_held", "replay", "already_succeeded", "cancelled", "stale_run", "dead"
]


class DeliveryIgnored(Fact, frozen=True, kw_only=True):
    """A signed delivery arrived and started nothing; ``responded`` is the HTTP status."""

    run: int
    message_id: str
    retried: int
    jti: str
    reason: IgnoreReason
    responded: int
    retry_after_s: int | None


class ProcessingStarted(Fact, frozen=True, kw_only=True):
    """A worker has the lease until ``lease_until``."""

    run: int
    attempt: int
    attempt_id: str
    message_id: str
    retried: int
    lease_until: int
    waited_ms: int
    node: str
    code_version: str


class ProgressReported(Fact, frozen=True, kw_only=True):
    """The worker is alive; this is the heartbeat, and it renews the lease."""

    attempt_id: str
    step: str
    pages_done: int
    pages_total: int
    lease_until: int


class ProcessingSucceeded(Fact, frozen=True, kw_only=True):
    """The document is done; its text lies in the object store under ``result_ref``."""

    run: int
    attempt: int
    attempt_id: str
    result_ref: str | None
    pages: int
    characters: int
    text_sha256: str | None
    duration_ms: int
    late: bool


class ProcessingFailed(Fact, frozen=True, kw_only=True):
    """One attempt failed; what follows from it is the next event of the same append."""

    run: int
    attempt: int
    attempt_id: str
    retryable: bool
    error_class: str
    error_message: str
    fingerprint: str
    duration_ms: int


class AttemptDiscarded(Fact, frozen=True, kw_only=True):
    """A worker came back too late; its claim changes nothing."""

    attempt_id: str
    claimed: Literal["succeeded", "failed"]
    why: Literal["superseded", "stale_run", "terminal"]


class LeaseExpired(Fact, frozen=True, kw_only=True):
    """The worker was not heard from in time; it counts as gone."""

    run: int
    attempt: int
    attempt_id: str
    lease_until: int
    detected_by: Literal["sweeper", "delivery", "restart"]


class RetryScheduled(Fact, frozen=True, kw_only=True):
    """The next attempt is expected at ``next_at``."""

    run: int
    next_attempt: int
    next_at: int
    basis: Literal["retry_after", "qstash_backoff", "sweeper"]


class DeadLettered(Fact, frozen=True, kw_only=True):
    """We gave up on this run; only a person starts another."""

    run: int
    reason: Literal["non_retryable", "budget_exhausted", "unpublishable"]
    last_error: str


TransportKind = Literal["callback", "failure_callback", "log_poll", "withdrawal"]
DeliveryState = Literal["created", "active", "delivered", "error", "retry", "failed", "cancelled"]


class TransportObserved(Fact, frozen=True, kw_only=True):
    """What QStash says of a message; it never changes the document's status."""

    kind: TransportKind
    message_id: str
    state: DeliveryState
    status: int | None
    retried: int
    max_retries: int | None
    dlq_id: str | None
    final: bool


class CancelRequested(Fact, frozen=True, kw_only=True):
    """A person wants this document stopped."""

    by: str
    reason: str


class Cancelled(Fact, frozen=True, kw_only=True):
    """The document is stopped."""

    run: int


class Requeued(Fact, frozen=True, kw_only=True):
    """A person asked for another run, here or with the Retry button of QStash's console."""

    run: int
    by: str
    reason: str
    from_status: str
    requested_at: int
    via: Literal["api", "qstash_dlq"]


class DlqEntryRemoved(Fact, frozen=True, kw_only=True):
    """The dead letter that an earlier message left at QStash is gone."""

    dlq_id: str
    message_id: str


class DocumentErased(Fact, frozen=True, kw_only=True):
    """A person had the document erased: from here on nobody is told what it held.

    ``by`` and ``reason`` stay readable, as the record of the erasure; they should name nobody whom
    the document was about.
    """

    by: str
    reason: str
    requested_at: int


class ErasureCompleted(Fact, frozen=True, kw_only=True):
    """Its stored bytes are deleted, its keys destroyed, and no table or cache holds it any more."""


DocumentEvent = (
    DocumentRegistered
    | EnqueueRequested
    | Enqueued
    | PublishFailed
    | DeliveryReceived
    | DeliveryIgnored
    | ProcessingStarted
    | ProgressReported
    | ProcessingSucceeded
    | ProcessingFailed
    | AttemptDiscarded
    | LeaseExpired
    | RetryScheduled
    | DeadLettered
    | TransportObserved
    | CancelRequested
    | Cancelled
    | Requeued
    | DlqEntryRemoved
    | DocumentErased
    | ErasureCompleted
)
