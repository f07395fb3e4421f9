"""A document's history in words: one sentence for each event, for people at night."""

from typing import assert_never

from events.document import facts
from events.document.facts import DocumentEvent
from events.store import Unreadable
from projections.views import instant


def sentence(event: DocumentEvent | Unreadable) -> str:  # noqa: C901 - one flat match, closed by assert_never
    """What happened, in one sentence."""
    match event:
        case Unreadable():
            return f"{event.type} version {event.version} cannot be shown: {event.why}."
        case facts.DocumentRegistered():
            return _registered(event)
        case facts.EnqueueRequested():
            return f"To be handed to QStash ({_REASONS[event.reason]})."
        case facts.Enqueued():
            again = ", which had it already" if event.deduplicated else ""
            return f"QStash took it as message {event.message_id}{again}."
        case facts.PublishFailed():
            return _publish_failed(event)
        case facts.DeliveryReceived():
            return f"Delivered by QStash ({_tries(event.retried)}, {event.signing_key} key)."
        case facts.DeliveryIgnored():
            return f"A delivery started nothing: {_IGNORED[event.reason]} ({event.responded})."
        case facts.ProcessingStarted():
            return f"Attempt {event.attempt} began after a wait of {_duration(event.waited_ms)}."
        case facts.ProgressReported():
            total = f" of {event.pages_total}" if event.pages_total else ""
            return f"Page {event.pages_done}{total}."
        case facts.ProcessingSucceeded():
            late = ", after its lease had run out" if event.late else ""
            took = _duration(event.duration_ms)
            return f"Done: {event.pages} pages, {event.characters} characters in {took}{late}."
        case facts.ProcessingFailed():
            took = _duration(event.duration_ms)
            return f"Attempt {event.attempt} failed after {took}: {event.error_message}"
        case facts.AttemptDiscarded():
            return f"A late worker claimed it {event.claimed}; ignored ({event.why})."
        case facts.LeaseExpired():
            return f"Attempt {event.attempt} was not heard from in time ({event.detected_by})."
        case facts.RetryScheduled():
            return f"Attempt {event.next_attempt} is expected at {instant(event.next_at)}."
        case facts.DeadLettered():
            return f"Given up: {_DEAD[event.reason]}."
        case facts.TransportObserved():
            return _observed(event)
        case facts.CancelRequested():
            return f"{event.by} asked to cancel it{_because(event.reason)}."
        case facts.Cancelled():
            return "Cancelled."
        case facts.Requeued():
            return f"{event.by} asked for another run ({event.run}){_because(event.reason)}."
        case facts.DlqEntryRemoved():
            return f"Its dead letter {event.dlq_id} was removed from QStash."
        case facts.DocumentErased():
            return f"{event.by} had it erased{_because(event.reason)}."
        case facts.ErasureCompleted():
            return "Nothing is left of what it held."
        case _ as unreachable:
            assert_never(unreachable)


_REASONS = {
    "initial": "new",
    "requeue": "another run",
    "transport_exhausted": "QStash gave its message up, we have not",
    "publish_retry": "the last try did not get through",
    "lost": "QStash no longer knows its message",
}
_IGNORED = {
    "lease_held": "another worker has it",
    "replay": "the same signed request came again",
    "already_succeeded": "it was done already",
    "cancelled": "it was cancelled",
    "stale_run": "it belongs to an earlier run",
    "dead": "it had failed already",
    "budget": "no attempt is left",
}
_DEAD = {
    "non_retryable": "another attempt would fail the same way",
    "budget_exhausted": "no attempt is left",
    "unpublishable": "QStash does not take it",
}


def _registered(event: facts.DocumentRegistered) -> str:
    size = f", {event.bytes} bytes" if event.bytes is not None else ""
    how = "Uploaded" if event.source == "upload" else "Registered by reference"
    return f"{how} by {event.owner}: {event.name}{size}."


def _publish_failed(event: facts.PublishFailed) -> str:
    what = "Nobody knows whether QStash took it" if event.ambiguous else "QStash did not take it"
    reason = event.error_message or event.error_class
    return f"{what} ({reason}); next try at {instant(event.next_publish_at)}."


def _observed(event: facts.TransportObserved) -> str:
    if event.kind == "withdrawal":
        return f"QStash was asked to drop message {event.message_id}."
    status = f" with {event.status}" if event.status else ""
    return f"QStash reports message {event.message_id} as {event.state}{status}."


def _tries(retried: int) -> str:
    return "first try" if retried == 0 else f"retry {retried}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _duration(milliseconds: int) -> str:
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(milliseconds // 1000, 60)
    return f"{minutes} min {rest} s"
