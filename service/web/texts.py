"""The text of a document, whole or by page, streamed from its result."""

from collections.abc import AsyncIterator

from service.processing.result import PAGE_BREAK, LineSplitter, parsed_page
from service.storage import ObjectStore

_PAGE = b'{"page":'


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
