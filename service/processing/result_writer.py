"""Writes a result file page by page, counts and hashes on the way, and stops at the size limit."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from service.processing.outcome import OUTPUT_TOO_LARGE
from service.processing.processor import CannotRead
from service.processing.result import PAGE_BREAK, Summary, header_line, page_line, summary_line

METADATA_LIMIT = 16 * 1024


class ResultWriter:
    """Opens the file at the first page; a run without text and metadata leaves no file."""

    def __init__(self, path: Path, *, processor: str, limit_bytes: int) -> None:
        self._path = path
        self._processor = processor
        self._limit = limit_bytes
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._too_large = False
        self._last_page = 0
        self.pages = 0
        self.characters = 0
        self.bytes = 0

    def write_page(self, number: int, text: str) -> None:
        if number <= self._last_page:
            message = f"page {number} was written after page {self._last_page}; write pages upwards"
            raise ValueError(message)
        text = without_half_characters(text)
        if self.pages:
            self._hash.update(PAGE_BREAK.encode())
            self.characters += 1
        self._hash.update(text.encode())
        self._append(page_line(number, text))
        self._last_page = number
        self.pages += 1
        self.characters += len(text)

    def finish(self, metadata: Mapping[str, object]) -> Summary:
        """Writes the last line. From here on the file is whole."""
        # A processor may have caught the refusal of a page; the text would then lack that page.
        self._refuse_if_too_large()
        summary = Summary(
            pages=self.pages,
            characters=self.characters,
            text_sha256=self._hash.hexdigest(),
            metadata=_checked(metadata),
        )
        if self.pages or metadata:
            self._append(summary_line(summary))
        self.close()
        return summary

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
            self._append(header_line(self._processor))
        self._too_large = self._too_large or self.bytes + len(line) > self._limit
        self._refuse_if_too_large()
        self._file.write(line)
        self.bytes += len(line)

    def _refuse_if_too_large(self) -> None:
        if self._too_large:
            message = (
                f"The text of this document takes more than {self._limit:,} bytes, the limit."
                " Split the document, or raise the limit."
            )
            raise CannotRead(OUTPUT_TOO_LARGE, message)


def without_half_characters(text: str) -> str:
    """Joins the two halves of a UTF-16 pair and replaces single ones: UTF-8 cannot say them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _checked(metadata: Mapping[str, object]) -> dict[str, object]:
    """A copy as JSON gives it back, or an error that says what is wrong with it."""
    try:
        text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as cause:
        message = f"a processor returns a mapping of JSON values, or None: {cause}"
        raise TypeError(message) from cause
    text = without_half_characters(text)
    if len(text.encode()) > METADATA_LIMIT:
        message = (
            f"the metadata takes {len(text.encode())} bytes; at most {METADATA_LIMIT} are kept"
        )
        raise ValueError(message)
    copy: dict[str, object] = json.loads(text)
    return copy
