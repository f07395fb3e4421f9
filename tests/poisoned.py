"""Projections that go wrong, for whoever has to live with them."""

from msgspec.structs import replace

from events.document.facts import CancelRequested
from events.store import Recorded
from projections.documents import Documents, Tracked
from projections.projection import Projection
from projections.queues import Minute, QueueMinutes

BAD_REASON = "poison"


class PoisonedDocuments(Documents):
    """The documents, but one kind of event cannot be folded."""

    poisonous = True

    def fold(self, state: Tracked | None, event: Recorded) -> Tracked:
        if self.poisonous and is_poison(event):
            raise ValueError("this fold has a bug")
        return super().fold(state, event)


class PoisonedMinutes(QueueMinutes):
    """The minutes, but one kind of event cannot be folded."""

    poisonous = True

    def key(self, event: Recorded) -> str | None:
        return "0" if is_poison(event) else super().key(event)

    def fold(self, state: Minute | None, event: Recorded) -> Minute:
        if self.poisonous and is_poison(event):
            raise ValueError("this fold has a bug")
        return super().fold(state, event)


class Moody(Documents):
    """A fold that is not the same every time it is run."""

    def __init__(self) -> None:
        self.turns = 0

    def fold(self, state: Tracked | None, event: Recorded) -> Tracked:
        self.turns += 1
        return replace(super().fold(state, event), heard_at=self.turns)


class Stops(Projection[Minute]):
    """One that a user might name in the settings, and that does not come far."""

    name = "stops"
    version = 1
    state = Minute

    def key(self, event: Recorded) -> str | None:
        raise ValueError("this projection has a bug")

    def fold(self, state: Minute | None, event: Recorded) -> Minute:
        raise NotImplementedError


def poison(document_id: str) -> CancelRequested:
    """An event that the folds above cannot fold, and all others can."""
    return CancelRequested(document_id=document_id, by="test", reason=BAD_REASON)


def is_poison(event: Recorded) -> bool:
    return isinstance(event.fact, CancelRequested) and event.fact.reason == BAD_REASON
