"""The result file: what it looks like and how to read it, line by line, never whole.

JSON lines in UTF-8. The first says what the file is, then comes one line for each page, and the
last holds the metadata, the counts and the hash. A file without its last line was never finished.

    {"waybill_result":1,"processor":"pdf-text"}
    {"page":1,"text":"..."}
    {"pages":1,"characters":3,"text_sha256":"...","metadata":{"title":"..."}}

The functions take any lines of bytes: an open file, or what `LineSplitter` makes of an object
store's chunks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = 1
PAGE_BREAK = "\f"
"""Between two pages when the text is one."""

_PAGE_START = b'{"page":'


class DamagedResult(ValueError):
    """The file is not a finished result; the message says where it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    pages: int
    characters: int
    text_sha256: str
    metadata: Mapping[str, object]


def header_line(processor: str) -> bytes:
    return _line({"waybill_result": FORMAT, "processor": processor})


def page_line(number: int, text: str) -> bytes:
    return _line({"page": number, "text": text})


def summary_line(summary: Summary) -> bytes:
    return _line(
        {
            "pages": summary.pages,
            "characters": summary.characters,
            "text_sha256": summary.text_sha256,
            "metadata": dict(summary.metadata),
        }
    )


def read_pages(lines: Iterable[bytes]) -> Iterator[Page]:
    """Every page in order. Raises `DamagedResult` at the end of a file that was cut off."""
    for line in _after_header(lines):
        if not line.startswith(_PAGE_START):
            _parsed_summary(line)
            return
        yield parsed_page(line)
    raise DamagedResult("the result ends before its summary; process the document again")


def read_text(lines: Iterable[bytes]) -> Iterator[str]:
    """The whole text in pieces: pages with `PAGE_BREAK` between them."""
    for index, page in enumerate(read_pages(lines)):
        yield page.text if index == 0 else PAGE_BREAK + page.text


def read_page(lines: Iterable[bytes], number: int) -> Page | None:
    """One page, or `None` if there is none with this number. Others are passed over undecoded."""
    start = _PAGE_START + str(number).encode() + b","
    for line in _after_header(lines):
        if line.startswith(start):
            return parsed_page(line)
    return None


def read_summary(lines: Iterable[bytes]) -> Summary:
    """Metadata, counts and hash, from the last line."""
    for line in _after_header(lines):
        if not line.startswith(_PAGE_START):
            return _parsed_summary(line)
    raise DamagedResult("the result ends before its summary; process the document again")


def parsed_page(line: bytes) -> Page:
    fields = _object(line)
    match fields:
        case {"page": int(number), "text": str(text)}:
            return Page(number=number, text=text)
    raise DamagedResult(f"a line of the result is not a page: {line[:80]!r}")


class LineSplitter:
    """Puts chunks of bytes back into lines, one chunk at a time."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes."""
        *ends, rest = chunk.split(b"\n")
        if not ends:
            self._rest += rest
            return []
        lines = [bytes(self._rest) + ends[0], *ends[1:]]
        self._rest[:] = rest
        return lines


def _after_header(lines: Iterable[bytes]) -> Iterator[bytes]:
    remaining = iter(lines)
    header = _object(next(remaining, b""))
    if header.get("waybill_result") != FORMAT:
        found = header.get("waybill_result", "missing")
        raise DamagedResult(f"the result's format is {found}, this version reads {FORMAT}")
    return remaining


def _parsed_summary(line: bytes) -> Summary:
    match _object(line):
        case {
            "pages": int(pages),
            "characters": int(characters),
            "text_sha256": str(text_sha256),
            "metadata": dict(metadata),
        }:
            return Summary(
                pages=pages,
                characters=characters,
                text_sha256=text_sha256,
                metadata=metadata,
            )
    raise DamagedResult(f"a line of the result is neither a page nor its summary: {line[:80]!r}")


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as cause:
        message = f"a line of the result is not JSON: {line[:80]!r}"
        raise DamagedResult(message) from cause
    if not isinstance(value, dict):
        raise DamagedResult(f"a line of the result is not an object: {line[:80]!r}")
    return value


def _line(fields: Mapping[str, object]) -> bytes:
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"
