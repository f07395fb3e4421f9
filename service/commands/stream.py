"""Server-sent events: bytes in, frames out. A parser without sockets.

A stream may break anywhere. A frame counts only once its empty line has come: one that was cut off
is dropped whole, and its id with it, so the next request asks for it again. Comments, and blocks
without data, are no frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST_LINE = 4 << 20
"""Bytes; a snapshot's part is 64 KiB, so a longer line is no feed of ours."""


class BrokenStream(Exception):
    """These bytes are no event stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    event: str
    data: str
    retry: int | None
    """Milliseconds to wait before coming back, if the server says so."""


@dataclass(slots=True)
class StreamReader:
    """Holds what is left between two pieces of the stream, and the id to come back with."""

    last_id: str | None = None
    _rest: bytes = b""
    _event: str = ""
    _data: list[str] = field(default_factory=list)
    _id: str | None = None
    _retry: int | None = None

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that this piece completes."""
        # A CR that ends a piece may be half of a CR LF, so it waits for what follows.
        held = self._rest + piece
        whole, carry = (held[:-1], b"\r") if held.endswith(b"\r") else (held, b"")
        lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + carry
        if len(self._rest) > LONGEST_LINE:
            raise BrokenStream(f"a line of the feed is longer than {LONGEST_LINE} bytes")
        for line in lines:
            frame = self._take(line.decode(errors="replace"))
            if frame is not None:
                yield frame

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._finish()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self._retry = int(value)
        return None

    def _finish(self) -> Frame | None:
        event, data, identity, retry = self._event, self._data, self._id, self._retry
        self._event, self._data, self._id, self._retry = "", [], None, None
        if identity is not None:
            self.last_id = identity or None
        if not data:
            return None
        return Frame(event=event or "message", data="\n".join(data), retry=retry)
