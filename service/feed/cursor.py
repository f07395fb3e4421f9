"""A client's place in the log as text: ``<epoch>-<position>-<check>``.

The check is the beginning of the log's hash chain at that position. It catches what an epoch
cannot: a restored backup that has used the position again for something else.
"""

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"([0-9A-Za-z]{1,36})-(0|[1-9][0-9]{0,17})-([0-9a-f]{6})", re.ASCII)
_EPOCH = re.compile(r"[0-9A-Za-z]{1,36}", re.ASCII)
CHECK_BYTES = 3


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position, and what makes sure that it is one of this log."""

    epoch: str
    position: int
    check: str

    def __str__(self) -> str:
        return f"{self.epoch}-{self.position}-{self.check}"


def at(epoch: str, position: int, chain: bytes) -> Cursor:
    """The cursor of this position; ``chain`` is the log's chain value there."""
    return Cursor(epoch, position, chain[:CHECK_BYTES].hex())


def parse(text: str) -> Cursor | None:
    """The cursor that this text is, or ``None`` if it is none."""
    found = _PATTERN.fullmatch(text)
    return Cursor(found[1], int(found[2]), found[3]) if found else None


def checked_epoch(epoch: str) -> str:
    """The epoch, which must be fit to stand in a cursor."""
    if _EPOCH.fullmatch(epoch) is None:
        raise ValueError(
            f"the log's epoch {epoch!r} cannot stand in a cursor; "
            "make it of 1 to 36 letters and digits"
        )
    return epoch
