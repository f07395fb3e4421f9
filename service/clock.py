"""Time, ids and chance: the only module that reads them; everybody else takes them as arguments."""

import os
import random
import threading
import time
import uuid
from collections.abc import Callable

Clock = Callable[[], int]
"""Microseconds since the epoch, UTC."""

NewId = Callable[[], str]

MICROSECONDS = 1_000_000

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 74


def system_clock() -> int:
    return time.time_ns() // 1_000


def elapsed() -> float:
    """Seconds on a clock that only goes forward; for durations, not for dates."""
    return time.monotonic()


def new_id() -> str:
    """A UUIDv7 as 36 characters: ids made later sort later."""
    return str(_uuid7())


def document_id() -> str:
    """`doc_` and 26 lower-case Crockford characters: short to say, and it sorts by time."""
    return "doc_" + crockford(_uuid7().int)


def secret_bytes(size: int) -> bytes:
    """Random bytes, fit for keys."""
    return os.urandom(size)


def jitter(low: float, high: float) -> float:
    """A number between the two, different each time, so that many clients do not return at once."""
    return random.uniform(low, high)  # noqa: S311 -- it spreads load, it keeps no secret


def crockford(number: int) -> str:
    """128 bits as 26 characters, the most significant first."""
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class _Chance:
    """Random bytes from the system, a block at a time, because each call for them costs."""

    def __init__(self) -> None:
        self._block = b""
        self._used = 0

    def number(self, size: int) -> int:
        """A number of ``size`` random bytes."""
        if self._used + size > len(self._block):
            self._block, self._used = os.urandom(4096), 0
        self._used += size
        return int.from_bytes(self._block[self._used - size : self._used])


class _Sequence:
    """The last id's time and tail: within a millisecond the next id is the last one plus a bit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chance = _Chance()
        self._millisecond = 0
        self._tail = 0

    def next(self, millisecond: int) -> tuple[int, int]:
        with self._lock:
            # A clock that steps back must not make an id that sorts before one already given away.
            if millisecond > self._millisecond:
                self._millisecond = millisecond
                self._tail = self._chance.number(10) >> (80 - _RANDOM_BITS + 1)
            else:
                self._tail += 1 + self._chance.number(4)
            return self._millisecond, self._tail


_sequence = _Sequence()


def _uuid7() -> uuid.UUID:
    millisecond, tail = _sequence.next(time.time_ns() // 1_000_000)
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    return uuid.UUID(int=millisecond << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
