"""The words, signs and colours in which a terminal shows documents. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from service.commands.document import Document

SECOND = 1_000_000
"""Times are microseconds since the epoch, as in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A sign and a word beside the colour, which alone tells too little, and not to everybody."""

    word: str
    sign: str
    style: str


LOOKS: Mapping[str, Look] = {
    "received": Look(word="Received", sign="○", style="bright_black"),
    "queued": Look(word="Queued", sign="◔", style="bright_black"),
    "processing": Look(word="Processing", sign="●", style="blue"),
    "retrying": Look(word="Retrying", sign="↻", style="yellow"),
    "succeeded": Look(word="Done", sign="✓", style="green"),
    "failed": Look(word="Failed", sign="✗", style="red"),
    "cancelled": Look(word="Cancelled", sign="⊘", style="bright_black"),
}
ERASED = Look(word="Erased", sign="∅", style="bright_black")
UNKNOWN = Look(word="Unknown", sign="?", style="yellow")


def look(document: Document) -> Look:
    if document.erased:
        return ERASED
    return LOOKS.get(document.status, UNKNOWN)


def state(document: Document, *, now: int) -> str:
    """The state in words, such as `Processing 12/50` or `Retrying in 2 m`."""
    word = look(document).word
    if document.erased:
        return word
    match document.status:
        case "processing" if document.pages_total:
            return f"{word} {document.pages_done}/{document.pages_total}"
        case "retrying" if document.retry_at:
            return f"{word} {until(moment(document.retry_at) - now)}"
        case _:
            return word


def remark(document: Document) -> str:
    """What else is worth knowing: why it failed, which attempt it is, or how much there was."""
    if document.erased:
        return "" if document.erased_everywhere else "not everywhere yet"
    if document.status in ("failed", "retrying") and document.error:
        return plain(document.error)
    if document.status == "processing" and document.attempt > 1:
        return f"attempt {document.attempt} of {document.attempts}"
    if document.status == "succeeded":
        tried = f", at attempt {document.attempt}" if document.attempt > 1 else ""
        return f"{pages(document.pages_total)}{tried}"
    return ""


def line(document: Document, *, now: int) -> str:
    """One document on one line, for a terminal that cannot move."""
    said = remark(document)
    told = f": {said}" if said else ""
    sign = look(document).sign
    name = "" if document.erased else f"  {plain(document.name)}"
    return f"{document.id}  {sign} {state(document, now=now)}{name}{told}"


def pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def duration(microseconds: int) -> str:
    """At most two units: `37 ms`, `1.2 s`, `2 m 5 s`, `3 h 4 m`, `2 d 1 h`."""
    if microseconds < SECOND:
        return f"{max(microseconds, 0) // 1000} ms"
    if microseconds < 60 * SECOND:
        return f"{microseconds // (SECOND // 10) / 10:g} s"
    seconds = microseconds // SECOND
    for unit, size, next_unit, next_size in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "m", 60),
        ("m", 60, "s", 1),
    ):
        if seconds >= size:
            rest = seconds % size // next_size
            return f"{seconds // size} {unit}" + (f" {rest} {next_unit}" if rest else "")
    raise AssertionError(f"{microseconds} microseconds are more than a minute")


def until(microseconds: int) -> str:
    """`in 2 m`, in whole seconds, or `now` once it is due."""
    seconds = -(-microseconds // SECOND)
    return f"in {duration(seconds * SECOND)}" if seconds > 0 else "now"


def size(count: int) -> str:
    """`9.5 MB`, in powers of ten."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def moment(written: str) -> int:
    """An RFC 3339 time as microseconds since the epoch."""
    since = datetime.fromisoformat(written) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def plain(text: str, *, longest: int = 300) -> str:
    """Text from outside, made harmless: a file name may hold what a terminal obeys."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(sign if sign.isprintable() else "�" for sign in cut)
