"""Everything one attempt leaves behind: log entries, callbacks, a dead letter (pure)."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from service.broker.callbacks import after_attempt, after_failure
from service.broker.message import Message, Place, State
from service.broker.outcome import Answer, Delivered, GiveUp, NoAnswer, TryAgain, judge

__all__ = ["DeadLetter", "Entry", "Settlement", "dead_letter_name", "dropped", "settle"]

LOGGED_BODY = 8 * 1024
LOGGED_WHEN_DELIVERED = 1024
"""Of answers that nobody complains about there are many more."""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a message's log."""

    at: int
    state: State
    error: str | None = None
    next_delivery_at: int | None = None
    answer: Answer | None = None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message that has failed for good, with the last answer; a network failure has none."""

    id: int
    failed_at: int
    answer: Answer | None


class Settlement(Struct, frozen=True, kw_only=True):
    """What the store is to write down about one attempt, all at once."""

    message: Message
    ended_at: int
    place: Place
    entries: tuple[Entry, ...]
    due_at: int = 0
    dead_letter: DeadLetter | None = None
    callbacks: tuple[Message, ...] = ()

    @property
    def state(self) -> State:
        """The state the message is in afterwards."""
        return self.entries[-1].state

    def cancelled(self) -> "Settlement":
        """The same attempt of a message whose cancelling was asked for meanwhile."""
        if self.state in (State.DELIVERED, State.CANCELED):
            return self
        return replace(
            self,
            place=Place.FINISHED,
            entries=(*self.entries[:-1], Entry(at=self.ended_at, state=State.CANCELED)),
            dead_letter=None,
            callbacks=(),
        )


def settle(
    message: Message,
    answer: Answer | NoAnswer,
    *,
    started_at: int,
    ended_at: int,
    dead_letter_id: int,
    new_id: Callable[[], str],
) -> Settlement:
    """What follows from the answer to an attempt."""
    active = Entry(at=started_at, state=State.ACTIVE)
    told = after_attempt(message, answer, at=ended_at, new_id=new_id)
    match judge(message, answer, at=ended_at):
        case Delivered():
            return Settlement(
                message=message,
                ended_at=ended_at,
                place=Place.FINISHED,
                entries=(active, _delivered(answer, ended_at)),
                callbacks=told,
            )
        case TryAgain(due_at):
            retry = Entry(at=ended_at, state=State.RETRY, next_delivery_at=due_at)
            return Settlement(
                message=message,
                ended_at=ended_at,
                place=Place.WAITING,
                entries=(active, _error(answer, ended_at), retry),
                due_at=due_at,
                callbacks=told,
            )
        case GiveUp():
            letter = DeadLetter(
                id=dead_letter_id,
                failed_at=ended_at,
                answer=answer if isinstance(answer, Answer) else None,
            )
            name = dead_letter_name(dead_letter_id)
            last = after_failure(message, answer, at=ended_at, new_id=new_id, dlq_id=name)
            failed = Entry(at=ended_at, state=State.FAILED)
            return Settlement(
                message=message,
                ended_at=ended_at,
                place=Place.FINISHED,
                entries=(active, _error(answer, ended_at), failed),
                dead_letter=letter,
                callbacks=told + last,
            )


def dropped(message: Message, *, at: int) -> Settlement:
    """What is written when a message is cancelled before its attempt began."""
    return Settlement(
        message=message,
        ended_at=at,
        place=Place.FINISHED,
        entries=(Entry(at=at, state=State.CANCELED),),
    )


def dead_letter_name(number: int) -> str:
    """The public name of a dead letter, shaped as QStash's (`1725323658779-0`)."""
    return f"{number // 1000}-{number % 1000}"


def _delivered(answer: Answer | NoAnswer, at: int) -> Entry:
    kept = answer if isinstance(answer, Answer) else None
    if kept is not None and len(kept.body) > LOGGED_WHEN_DELIVERED:
        kept = replace(kept, body=kept.body[:LOGGED_WHEN_DELIVERED])
    return Entry(at=at, state=State.DELIVERED, answer=kept)


def _error(answer: Answer | NoAnswer, at: int) -> Entry:
    if isinstance(answer, NoAnswer):
        return Entry(at=at, state=State.ERROR, error=answer.reason)
    return Entry(
        at=at,
        state=State.ERROR,
        error=f"the destination answered {answer.status}",
        answer=replace(answer, body=answer.body[:LOGGED_BODY]),
    )
