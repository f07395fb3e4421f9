"""Every message of the stream as bytes: ``event``, ``data``, ``retry``, and ``id`` last.

The id comes last because some readers take the id of a message that was cut off, and lose the
message: with the id at its end there is nothing left to lose. For the same reason nothing is sent
that is only a comment, only an id or only a retry.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from projections.documents import Tracked
from projections.views import view

ResetReason = Literal["epoch", "diverged", "ahead", "malformed", "lagged", "too_far"]
ByeReason = Literal["restart", "age", "slow"]
BusyReason = Literal["client_limit", "restart", "unavailable"]

PART_DOCUMENTS = 200
PART_BYTES = 64 * 1024


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The newest state of one document, encoded once for everybody."""

    position: int
    document_id: str
    owner: str
    final: bool
    cursor: str
    data: bytes

    @property
    def state(self) -> bytes:
        """The state alone, as JSON."""
        start = len(b"event: status\ndata: ")
        return self.data[start : self.data.index(b"\n", start)]


def status(tracked: Tracked, cursor: str) -> Frame:
    """A document changed."""
    return Frame(
        position=tracked.position,
        document_id=tracked.document.id,
        owner=tracked.document.owner,
        final=tracked.document.status.final,
        cursor=cursor,
        data=_frame("status", _json(view(tracked)), cursor=cursor),
    )


def hello(*, epoch: str, head: int, beat: float, max_age: int, retry: int) -> bytes:
    """The first message: how this stream will be."""
    told = {
        "v": 1,
        "epoch": epoch,
        "head": head,
        "beat": beat,
        "max_age": max_age,
        "mode": "state",
    }
    return _frame("hello", _json(told), retry=retry)


def reset(reason: ResetReason, have: str) -> bytes:
    """What the client knows may be wrong; a snapshot follows."""
    return _frame("reset", _json({"reason": reason, "have": have}))


def snapshot(documents: Sequence[bytes], cursor: str, *, more: bool) -> list[bytes]:
    """All states at once, in parts; only the last has an id, or a cut would lose the rest."""
    parts = list(_parts(documents))
    return [
        _frame(
            "snapshot",
            _json(
                {
                    "part": number,
                    "last": number == len(parts),
                    "more": more,
                    "docs": [msgspec.Raw(one) for one in part],
                }
            ),
            cursor=cursor if number == len(parts) else None,
        )
        for number, part in enumerate(parts, start=1)
    ]


def beat(seconds: int, cursor: str) -> bytes:
    """Still here; the id is how far this client has been told."""
    return _frame("beat", _json({"t": seconds}), cursor=cursor)


def busy(reason: BusyReason, retry: int) -> bytes:
    """No room now: a refusal that leaves an ``EventSource`` alive to come back."""
    return _frame("busy", _json({"reason": reason}), retry=retry)


def bye(reason: ByeReason, retry: int) -> bytes:
    """The last message of a stream that should be opened again."""
    return _frame("bye", _json({"reason": reason}), retry=retry)


def end(cursor: str) -> bytes:
    """The last message of a stream whose documents are all final."""
    return _frame("end", b"{}", cursor=cursor)


def known(tracked: Tracked) -> bytes:
    """The public state of a document as JSON."""
    return _json(view(tracked))


def unknown(document_id: str) -> bytes:
    """The state of a document that nobody has heard of yet."""
    return _json({"id": document_id, "status": "unknown", "final": False, "position": 0})


_ENCODER = msgspec.json.Encoder()
# JSON escapes control characters, so no value can break a line and begin a field of its own. These
# are no line breaks to the standard either, but to Python's str.splitlines, and so to some readers.
_LINE_BREAKS = tuple((char.encode(), f"\\u{ord(char):04x}".encode()) for char in "\x85\u2028\u2029")


def _json(value: object) -> bytes:
    data = _ENCODER.encode(value)
    for raw, escaped in _LINE_BREAKS:
        data = data.replace(raw, escaped)
    return data


def _frame(name: str, data: bytes, *, retry: int | None = None, cursor: str | None = None) -> bytes:
    lines = [b"event: ", name.encode(), b"\ndata: ", data]
    if retry is not None:
        lines += [b"\nretry: ", str(retry).encode()]
    if cursor is not None:
        lines += [b"\nid: ", cursor.encode()]
    return b"".join((*lines, b"\n\n"))


def _parts(documents: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for document in documents:
        if part and (len(part) == PART_DOCUMENTS or size + len(document) > PART_BYTES):
            yield part
            part, size = [], 0
        part.append(document)
        size += len(document)
    yield part
