"""Reads a PDF page by page through pypdf, and says in a person's words why one cannot be read.

Knows nothing of processes: time and memory are bounded outside. pypdf bounds what a single stream
may unpack to (75 MB) and how deep structures may nest; here are the limits on pages and on what
metadata may say.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypdf import PasswordType, PdfReader
from pypdf.errors import (
    DependencyError,
    EmptyFileError,
    FileNotDecryptedError,
    LimitReachedError,
)

from service.processing.complaints import Complaints, collected_complaints
from service.processing.outcome import printable
from service.processing.processor import CannotRead, Job, Metadata, Retry

_METADATA = {
    "title": "/Title",
    "author": "/Author",
    "subject": "/Subject",
    "creator": "/Creator",
    "producer": "/Producer",
    "created": "/CreationDate",
}
_METADATA_VALUE_LIMIT = 300
_DETAIL_LIMIT = 200
_HEADER_WITHIN = 1024

_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"{\\rtf", "an RTF text"),
    (b"<", "a web page or XML"),
)


def read_pdf(job: Job) -> Metadata:
    """The processor `pdf-text`."""
    _refuse_other_files(job.path)
    with collected_complaints("pypdf") as complaints, job.path.open("rb") as file:
        with _explained("its structure"):
            reader = PdfReader(file)
            encrypted = reader.is_encrypted
            if encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                raise FileNotDecryptedError
            pages = len(reader.pages)
        _check_number_of_pages(pages, job.pages_limit, complaints)
        characters = _write_pages(reader, pages, job)
        if characters == 0:
            _refuse_lost_parts(complaints)
        return {
            "encrypted": encrypted,
            "page_count": pages,
            **_document_information(reader),
            **complaints.as_metadata(),
        }


def _write_pages(reader: PdfReader, pages: int, job: Job) -> int:
    characters = 0
    for index in range(pages):
        with _explained(f"page {index + 1}"):
            text = reader.pages[index].extract_text()
        job.write_page(index + 1, text)
        characters += len(text)
        job.progress(index + 1, pages)
    return characters


def _check_number_of_pages(pages: int, limit: int, complaints: Complaints) -> None:
    if pages == 0:
        _refuse_lost_parts(complaints)
        raise CannotRead("empty", "This PDF has no pages.")
    if pages > limit:
        message = (
            f"This PDF has {pages:,} pages, the limit is {limit:,}. Split it, or raise the limit."
        )
        raise CannotRead("too_many_pages", message)


def _refuse_other_files(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(_HEADER_WITHIN)
    if not start:
        raise CannotRead("empty", "This file is empty: it has 0 bytes.")
    if b"%PDF-" in start:
        return
    kind = next((name for magic, name in _OTHER_FILES if start.lstrip().startswith(magic)), None)
    guess = f" It looks like {kind}." if kind else ""
    raise CannotRead("not_a_pdf", f"This file is not a PDF: it does not begin like one.{guess}")


def _refuse_lost_parts(complaints: Complaints) -> None:
    """A PDF without text may be a scan, and fine; one that shows none and lost parts is damaged."""
    if complaints.parts_are_missing():
        raise CannotRead("damaged", _damaged("its structure", complaints.first()))


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turns what pypdf raises into a reason. A broken PDF may make it raise anything at all."""
    try:
        yield
    except MemoryError:
        raise  # the machine's trouble, not the document's
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the same; but a document that sends its reader to place -7 is the document's
        raise _reason(error, where) from error


def _reason(error: Exception, where: str) -> CannotRead | Retry:
    detail = printable(f"{error}", _DETAIL_LIMIT)
    match error:
        case FileNotDecryptedError():
            text = "This PDF is protected by a password. Remove the password and upload it again."
            return CannotRead("password_required", text)
        case EmptyFileError():
            return CannotRead("empty", "This file is empty.")
        case LimitReachedError():
            text = f"This PDF unpacks to more than is safe, at {where}: {detail}"
            return CannotRead("too_large", text)
        case RecursionError():
            text = f"This PDF is damaged: {where} refers to itself in a circle."
            return CannotRead("damaged", text)
        case DependencyError():
            text = f"Reading {where} needs a library that is not installed: {detail}"
            return Retry("library_missing", text)
        case NotImplementedError():
            text = f"This PDF uses a feature that cannot be read, at {where}: {detail}"
            return CannotRead("unsupported", text)
    return CannotRead("damaged", _damaged(where, f"{type(error).__name__}: {error}"))


def _damaged(where: str, detail: str) -> str:
    return (
        f"This PDF is damaged: {where} cannot be read ({printable(detail, _DETAIL_LIMIT)})."
        " Upload the original again, or open it in a viewer and save it as a new PDF."
    )


def _document_information(reader: PdfReader) -> dict[str, object]:
    """What the PDF says of itself. It is decoration: if it is broken, the text is still good."""
    found: dict[str, object] = {}
    try:
        information = reader.metadata
        for name, key in _METADATA.items():
            value = information.get(key) if information is not None else None
            if isinstance(value, str) and value.strip():
                found[name] = printable(str(value), _METADATA_VALUE_LIMIT)
    except MemoryError:
        raise
    except Exception as error:
        found["information_unreadable"] = printable(
            f"{type(error).__name__}: {error}", _DETAIL_LIMIT
        )
    return found
