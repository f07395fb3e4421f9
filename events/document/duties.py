"""What a document waits for, and when we must step in ourselves.

QStash, a worker or a person may move a document at any time; a duty is what happens if nobody
does. At most one duty moves the document; the others tidy up behind it, and may fail for ever
without holding it back.
"""

from enum import StrEnum

import msgspec

from events.document.policy import Policy
from events.document.state import Document, Erasure, Publishing, Status


class Task(StrEnum):
    """The kinds of duty."""

    PUBLISH = "publish"
    """Request another publish and do it: the message is lost or spent, or was never asked for.

    The last is only so in a log of an older version: now an upload and a person's retry ask for
    their publish in the append that accepts them.
    """
    REPUBLISH = "republish"
    """Do the publish that was requested, or repeat it, under its deduplication id."""
    EXPIRE = "expire"
    """End an attempt whose worker was not heard from."""
    INQUIRE = "inquire"
    """Ask QStash where the message is; publish again if it is gone."""
    WITHDRAW = "withdraw"
    """Ask QStash to drop the message of a cancelled document."""
    CLEAR_DEAD_LETTER = "clear_dead_letter"
    """Remove the dead letter of a document that has moved on."""

    ERASE = "erase"
    """Destroy what an erased document has left behind."""


class Duty(msgspec.Struct, frozen=True):
    """What to do, and not before when (microseconds since the epoch)."""

    at: int
    task: Task


def duties(document: Document, *, heard_at: int, policy: Policy) -> list[Duty]:
    """The document's open duties; ``heard_at`` is the time of its newest event."""
    mover = _mover(document, heard_at, policy)
    others = [Duty(heard_at, task) for task in tidying(document)]
    return [mover, *others] if mover is not None else others


def _mover(document: Document, heard_at: int, policy: Policy) -> Duty | None:
    match document.status:
        case Status.RECEIVED:
            return Duty(heard_at, Task.PUBLISH)
        case Status.QUEUED:
            return _queued(document, heard_at, policy)
        case Status.PROCESSING:
            return Duty((document.lease_until or heard_at) + policy.grace, Task.EXPIRE)
        case Status.RETRYING:
            return _retrying(document, heard_at, policy)
        case _:
            return None


def tidying(document: Document) -> list[Task]:
    """What is left to do behind the document, whatever becomes of it."""
    tasks = []
    if document.erasure is Erasure.BEGUN:
        tasks.append(Task.ERASE)
    if document.withdraw is not None:
        tasks.append(Task.WITHDRAW)
    of_this_run = document.dlq_message_id in document.message_ids
    if document.dlq_id is not None and not (of_this_run and document.status is Status.FAILED):
        tasks.append(Task.CLEAR_DEAD_LETTER)
    return tasks


def _queued(document: Document, heard_at: int, policy: Policy) -> Duty:
    publishing = document.publishing
    if publishing is None:
        if document.transport_exhausted:
            return Duty(heard_at, Task.PUBLISH)
        return Duty(heard_at + policy.patience, Task.INQUIRE)
    at = publishing.next_at
    if at is None:
        # Whoever does the duties knows whether the call is under way, and nobody else can.
        return Duty(publishing.requested_at, Task.REPUBLISH)
    task = Task.REPUBLISH if repeatable(publishing, now=at, policy=policy) else Task.PUBLISH
    return Duty(at, task)


def repeatable(publishing: Publishing, *, now: int, policy: Policy) -> bool:
    """Whether the publish may be repeated under its own deduplication id.

    It may if QStash surely did not take the message, or if QStash would still recognise it.
    """
    unknown = publishing.ambiguous or publishing.next_at is None
    return not unknown or now < publishing.requested_at + policy.republish


def _retrying(document: Document, heard_at: int, policy: Policy) -> Duty:
    due = document.retry_at if document.retry_at is not None else heard_at
    if document.transport_exhausted or document.unattended:
        return Duty(max(due, heard_at), Task.PUBLISH)
    return Duty(max(due, heard_at) + policy.patience, Task.INQUIRE)
