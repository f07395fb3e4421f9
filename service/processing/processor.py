"""What a processor is: a plain function that takes a `Job`, and the two ways it may refuse.

    def word_counts(job: Job) -> Metadata:
        text = job.path.read_text()
        job.write_page(1, text)
        return {"words": len(text.split())}

It runs in a worker process. What it returns is kept beside the text as metadata. An exception
other than the two below counts as a failure that is worth another try.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Metadata = Mapping[str, object]
"""Values that JSON knows; at most 16 KiB when written out."""

WritePage = Callable[[int, str], None]
Progress = Callable[[int, int | None], None]


class CannotRead(Exception):
    """This document will never be readable: the run fails at once and is not tried again.

    `code` is one word for programs ("password_required"), `message` a sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Retry(Exception):
    """Not now: try again, no sooner than after that many seconds if given."""

    def __init__(self, code: str, message: str, *, after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.after_seconds = after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt at one document, as its processor sees it."""

    path: Path
    """The document's bytes; read only."""

    document_id: str
    run: int
    attempt: int

    pages_limit: int
    """More pages than this are refused."""

    write_page: WritePage
    """Keeps the text of a page: `write_page(number, text)`, numbers from 1 upwards."""

    progress: Progress
    """Says how far it is: `progress(done, total)`, total `None` if unknown. Call it freely."""


Processor = Callable[[Job], Metadata | None]
