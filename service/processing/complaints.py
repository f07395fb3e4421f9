"""What a library says while it reads a broken document: kept to a bound, out of our log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.processing.outcome import printable

_KEPT = 10
_LENGTH = 200

_MISSING_PARTS = ("PdfReadError", "PdfStreamError", "not defined", "wrong pointing object")


class Complaints(logging.Handler):
    """The first few messages, and the number of all."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        self.kept: list[str] = []
        self._parts_are_missing = False

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
        # A hostile document can cause millions of these; past the bound they are only counted.
        if len(self.kept) < _KEPT:
            text = printable(record.getMessage(), _LENGTH)
            self.kept.append(text)
            self._parts_are_missing = self._parts_are_missing or any(
                sign in text for sign in _MISSING_PARTS
            )

    def first(self) -> str:
        return self.kept[0] if self.kept else "nothing was said"

    def parts_are_missing(self) -> bool:
        """The library had to leave something of the document out."""
        return self._parts_are_missing

    def as_metadata(self) -> dict[str, object]:
        return {"warnings": self.count, "first_warnings": list(self.kept)} if self.count else {}


@contextmanager
def collected_complaints(logger_name: str) -> Iterator[Complaints]:
    """While it lasts, the logger speaks to the `Complaints` and to nobody else."""
    logger = logging.getLogger(logger_name)
    complaints = Complaints()
    propagate, level = logger.propagate, logger.level
    logger.addHandler(complaints)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield complaints
    finally:
        logger.removeHandler(complaints)
        logger.propagate = propagate
        logger.setLevel(level)
