"""The body of an upload as a stream: raw, or the one file of a form. Never whole in memory."""

from collections.abc import AsyncIterator, Iterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header  # type: ignore[import-untyped] # it ships no types

from service.web.problems import Problem, TooLarge
from service.web.requests import WebRequest

MAX_FIELD_BYTES = 2048
MAX_FIELDS = 16


async def raw_chunks(request: WebRequest, *, limit: int) -> AsyncIterator[bytes]:
    """The body itself; raises ``TooLarge``, and a problem if the sender broke off."""
    declared = request.headers.get("content-length", "")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(limit)
        yield chunk
    if declared.isdigit() and size != int(declared):
        raise _broken_off(f"{size} of {declared} bytes arrived")


class Form:
    """A multipart form, part by part, as it arrives."""

    def __init__(self, request: WebRequest, *, limit: int) -> None:
        _, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get("boundary", "")
        if not boundary:
            raise Problem(400, "Not understood", "The form's Content-Type names no boundary.")
        self._limit = limit
        self._parser = PushMultipartParser(boundary, max_segment_count=MAX_FIELDS)
        self._events = self._parsed(request)
        self._part: MultipartSegment | None = None

    async def next_part(self) -> MultipartSegment | None:
        """The next part's name and kind; ``None`` at the end of the form."""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                return event
        return None

    async def field(self) -> str:
        """The current part as a short text."""
        parts = [chunk async for chunk in self._chunks(MAX_FIELD_BYTES)]
        return b"".join(parts).decode("utf-8", "replace")

    def file(self) -> AsyncIterator[bytes]:
        """The current part as a stream; raises ``TooLarge``."""
        return self._chunks(self._limit)

    async def _chunks(self, limit: int) -> AsyncIterator[bytes]:
        size = 0
        async for event in self._events:
            if not isinstance(event, bytes | bytearray):
                return
            size += len(event)
            if size > limit:
                raise TooLarge(limit)
            yield bytes(event)

    async def _parsed(
        self, request: WebRequest
    ) -> AsyncIterator[MultipartSegment | bytes | bytearray | None]:
        try:
            async for chunk in request.stream():
                for event in self._feed(chunk):
                    yield event
            self._parser.close()
        except MultipartError as error:
            raise _broken_off(f"the form cannot be read: {error}") from error

    def _feed(self, chunk: bytes) -> Iterator[MultipartSegment | bytes | bytearray | None]:
        if chunk:
            yield from self._parser.parse(chunk)


def _broken_off(detail: str) -> Problem:
    return Problem(
        400, "Not complete", f"The upload did not arrive whole: {detail}. Send it again."
    )
