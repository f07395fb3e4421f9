"""Chance, by a seed: the same seed rolls the same dice."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from events.document.policy import SECOND

T = TypeVar("T")


class Chance:
    """Dice for a simulated world; once ``calm`` is set, nothing goes wrong any more."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.calm = False

    def fault(self, probability: float) -> bool:
        """Whether something goes wrong now."""
        return not self.calm and self._random.random() < probability

    def between(self, low: float, high: float) -> int:
        """A duration between so many seconds, in microseconds."""
        return int(self._random.uniform(low, high) * SECOND)

    def whole(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def pick(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)
