"""How a broker misbehaves on request: as a service that promises "at least once" may (pure).

What befalls the n-th attempt of a run follows from the seed and n alone.
"""

from dataclasses import dataclass
from hashlib import sha256

from service.broker.durations import go_seconds
from service.broker.errors import Malformed

__all__ = ["Chaos", "Misbehaviour", "misbehaviour", "parse"]

LONGEST_DELAY = 300.0
MOST_OVERTAKING = 8
_DRAWS = 2**48
_CHANCES = ("duplicate", "reorder", "drop-answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaos:
    """Chances between 0 and 1 for each attempt; `delay` is the longest, in seconds."""

    seed: int
    duplicate: float = 0.0
    reorder: float = 0.0
    drop_answer: float = 0.0
    delay: float = 0.0

    def __str__(self) -> str:
        """As it is written on the command line."""
        return (
            f"duplicate={self.duplicate:g},reorder={self.reorder:g},"
            f"drop-answer={self.drop_answer:g},delay={self.delay:g}s,seed={self.seed}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What befalls one attempt."""

    duplicate: bool
    """The request is made twice."""

    overtaken_by: int
    """It waits until so many later attempts have begun."""

    drop_answer: bool
    """It is made, and treated as if no answer had come."""

    delay: float
    """It begins so many seconds later."""


def parse(text: str, *, seed: int) -> Chaos:
    """`duplicate=0.05,reorder=0.1,drop-answer=0.02,delay=2s,seed=7`; each part may be left out.

    `seed` is used when the text names none. Raises `Malformed`, which names the part.
    """
    chances: dict[str, float] = {}
    delay = 0.0
    seen: set[str] = set()
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in (*_CHANCES, "delay", "seed"):
            raise _wrong(part, "give duplicate, reorder, drop-answer, delay or seed, with '='")
        if name in seen:
            raise _wrong(part, f"{name} is given twice")
        seen.add(name)
        if name == "seed":
            seed = _seed(part, value)
        elif name == "delay":
            delay = _delay(part, value)
        else:
            chances[name.replace("-", "_")] = _chance(part, value)
    return Chaos(seed=seed, delay=delay, **chances)


def misbehaviour(chaos: Chaos, attempt: int) -> Misbehaviour:
    """What befalls the attempt with this number."""
    # Each from bytes of its own: one chance that is changed leaves the others as they were.
    drawn = sha256(f"{chaos.seed}:{attempt}".encode()).digest()
    duplicate, reorder, drop, delay = (
        int.from_bytes(drawn[start : start + 6]) / _DRAWS for start in range(0, 24, 6)
    )
    overtaking = 1 + drawn[24] % MOST_OVERTAKING
    return Misbehaviour(
        duplicate=duplicate < chaos.duplicate,
        overtaken_by=overtaking if reorder < chaos.reorder else 0,
        drop_answer=drop < chaos.drop_answer,
        delay=delay * chaos.delay,
    )


def _chance(part: str, value: str) -> float:
    try:
        chance = float(value)
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        raise _wrong(part, "a chance is a number from 0 to 1")
    return chance


def _delay(part: str, value: str) -> float:
    seconds = go_seconds(value)
    if seconds is None or seconds > LONGEST_DELAY:
        raise _wrong(part, f"a delay is a duration such as 500ms or 2s, {LONGEST_DELAY:g}s at most")
    return seconds


def _seed(part: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise _wrong(part, "a seed is a whole number of at most 18 digits")
    return int(value)


def _wrong(part: str, reason: str) -> Malformed:
    return Malformed(f"chaos: {part.strip()!r}: {reason}")
