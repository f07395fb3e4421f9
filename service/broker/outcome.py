"""What the answer to an attempt means: delivered, try again, or give up (pure)."""

from dataclasses import dataclass

from msgspec import Struct

from service.broker.message import Headers, Message
from service.broker.retry import delay_before_next

__all__ = ["Answer", "Delivered", "GiveUp", "NoAnswer", "TryAgain", "Verdict", "judge"]

NON_RETRYABLE = 489


class Answer(Struct, frozen=True, kw_only=True):
    """What a destination answered; the body may have been cut at the client's limit."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class NoAnswer(Struct, frozen=True, kw_only=True):
    """The network or the time limit came in between."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination took the message."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The attempt failed; another is due at `due_at`."""

    due_at: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The attempt failed and there will be no other."""


Verdict = Delivered | TryAgain | GiveUp


def judge(message: Message, answer: Answer | NoAnswer, *, at: int) -> Verdict:
    """Decides what follows an attempt that ended at `at`."""
    if isinstance(answer, Answer) and 200 <= answer.status <= 299:
        return Delivered()
    if _asks_to_stop(answer) or message.retried >= message.options.retries:
        return GiveUp()
    delay = delay_before_next(
        retried=message.retried,
        written=message.options.retry_delay,
        hints=answer.headers if isinstance(answer, Answer) else (),
        at=at,
    )
    return TryAgain(due_at=at + delay)


def _asks_to_stop(answer: Answer | NoAnswer) -> bool:
    if isinstance(answer, NoAnswer) or answer.status != NON_RETRYABLE:
        return False
    return (answer.header("upstash-nonretryable-error") or "").lower() == "true"
