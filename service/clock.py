"""Time, ids and chance: the only module that reads them; everybody else takes them as arguments."""

import base64
import os
import random
import threading
import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Microseconds since the epoch, UTC."""

NewId = Callable[[], str]

MICROSECONDS = 1_000_000

_CROCKFORD = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz"
)
_RANDOM_BITS = 74


def system_clock() -> int:
    return time.time_ns() // 1_000


def elapsed() -> float:
    """Seconds on a clock that only goes forward; for durations, not for dates."""
    return time.monotonic()


def new_id() -> str:
    """A UUIDv7 as 36 characters: ids made later sort later."""
    digits = _uuid7().to_bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def document_id() -> str:
    """`doc_` and 26 lower-case Crockford characters: short to say, and it sorts by time."""
    return "doc_" + crockford(_uuid7())


def secret_bytes(size: int) -> bytes:
    """Random bytes, fit for keys."""
    return os.urandom(size)


def jitter(low: float, high: float) -> float:
    """A number between the two, different each time, so that many clients do not return at once."""
    return random.uniform(low, high)  # noqa: S311 -- it spreads load, it keeps no secret


def crockford(number: int) -> str:
    """128 bits as 26 characters, the most significant first."""
    # Two zero bits in front make it 26 digits; six behind, whole bytes.
    return base64.b32encode((number << 6).to_bytes(17))[:26].translate(_CROCKFORD).decode()


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


def _uuid7() -> int:
    millisecond, tail = _sequence.next(time.time_ns() // 1_000_000)
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    return millisecond << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
