"""What can come of a run: the text was extracted, it never can be, or it is worth another try."""

from dataclasses import dataclass
from pathlib import Path

MESSAGE_LIMIT = 2048
"""Characters. A reason is shown to people and kept in the log; longer ones are cut."""

CODE_LIMIT = 64

OUT_OF_MEMORY = "out_of_memory"
TIMED_OUT = "timed_out"
WORKER_KILLED = "worker_killed"
WORKER_CRASHED = "worker_crashed"
WORKER_UNAVAILABLE = "worker_unavailable"
PROCESSOR_FAILED = "processor_failed"
PROCESSOR_UNAVAILABLE = "processor_unavailable"
OUTPUT_TOO_LARGE = "output_too_large"
INTERRUPTED = "interrupted"

_SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The document was read. `result` is the file with text and metadata, if there is any."""

    pages: int
    characters: int
    text_sha256: str
    result: Path | None
    result_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Final: the same document would fail the same way again, so nobody tries."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """The run failed for a reason that may be gone next time; the budget of attempts ends it.

    Time, memory and crashes are here and not under `Unreadable`: a busy machine causes all three.
    """

    code: str
    message: str
    after_seconds: int | None = None


Outcome = Extracted | Unreadable | TryLater

NOTHING_EXTRACTED = Extracted(
    pages=0, characters=0, text_sha256=_SHA256_OF_NOTHING, result=None, result_bytes=0
)


def printable(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """One line that is safe to store and to show: no control characters, no half characters, and
    an end. A document's own words come through here, and they may be chosen to do harm.
    """
    kept = text[: limit + 1]
    cleaned = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in " ".join(kept.split())
    )
    return cleaned if len(text) <= limit else cleaned[: limit - 1] + "…"
