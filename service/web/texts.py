"""The text of a document, whole or by page, streamed from its result."""

from collections.abc import AsyncIterator

from events.document.state import Status
from service.processing.result import PAGE_BREAK, LineSplitter, parsed_page
from service.storage import ObjectMissing, ObjectStore
from service.web.problems import Problem

_PAGE = b'{"page":'


def no_text(document_id: str, status: Status) -> Problem:
    """Why a document that has not succeeded has no text."""
    if status.final:
        return Problem(
            409,
            "No text",
            f"Document {document_id} is {status}, so it has no text; retry begins another run.",
        )
    return Problem(
        409,
        "Not there yet",
        f"Document {document_id} is {status}; its text is there once it has succeeded.",
    )


async def check_that_it_is_kept(storage: ObjectStore, document_id: str, name: str) -> None:
    """Before the first byte is sent: an answer that breaks off looks like an empty text."""
    try:
        await storage.size(name)
    except ObjectMissing as error:
        raise Problem(
            410,
            "Not in storage",
            f"Document {document_id} was read, but its text is not in storage any more. If the "
            "log was restored, restore the objects as well; or read it again with retry.",
        ) from error


async def whole_text(storage: ObjectStore, result_ref: str) -> AsyncIterator[bytes]:
    """Every page, with a form feed between two."""
    first = True
    async for line in _lines(storage, result_ref):
        if line.startswith(_PAGE):
            text = parsed_page(line).text
            yield (text if first else PAGE_BREAK + text).encode()
            first = False


async def page_text(storage: ObjectStore, result_ref: str, number: int) -> str | None:
    """The text of one page; ``None`` if the document has no such page."""
    wanted = _PAGE + str(number).encode() + b","
    async for line in _lines(storage, result_ref):
        if line.startswith(wanted):
            return parsed_page(line).text
    return None


async def _lines(storage: ObjectStore, result_ref: str) -> AsyncIterator[bytes]:
    splitter = LineSplitter()
    async for chunk in storage.read(result_ref):
        for line in splitter.feed(chunk):
            yield line
