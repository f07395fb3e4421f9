"""May this append be stored, and as which bytes? Asked once, before it waits, so it fails alone."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from events.chain import digest
from events.codec import CODEC, LARGEST, Codec, Encoded
from events.errors import InvalidEvent
from events.store import ANY, Append, NewEvent, document_of

MAX_META_BYTES = 4096

_STREAM = re.compile(r"[!-~]{1,255}").fullmatch
_EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_RELATED_ID = re.compile(r"[ -~]{1,255}").fullmatch
_encode_meta = msgspec.json.Encoder(order="sorted").encode
_decode_meta = msgspec.json.Decoder(dict[str, str]).decode


class Ready(msgspec.Struct, frozen=True, gc=False):
    """An event and the bytes to store for it; of the fact itself they may be a sealed form."""

    event: NewEvent
    encoded: Encoded
    data_digest: bytes
    meta: bytes


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """An append that may be stored as far as it alone is concerned; ``size`` in bytes."""

    stream: str
    expected: int
    events: Sequence[Ready]
    size: int


def admit(
    append: Append, *, sealed: Sequence[NewEvent] | None = None, codec: Codec = CODEC
) -> Admitted:
    """Check and encode an append; raises ``InvalidEvent``, which names the field.

    ``sealed`` are the same events in the form to be stored.
    """
    if not can_be_stream(append.stream):
        raise _invalid("stream", append.stream, "1 to 255 printable ASCII characters, no spaces")
    if append.expected < ANY or append.expected > LARGEST:
        raise _invalid("expected", append.expected, "a version, NO_STREAM or ANY")
    if append.expected == ANY and document_of(append.stream):
        raise _invalid("expected", "ANY", f"the version that {append.stream} was decided on")
    if not append.events:
        raise _invalid("events", [], "at least one event")
    stored = append.events if sealed is None else sealed
    ready = [_ready(*pair, codec) for pair in zip(append.events, stored, strict=True)]
    size = 0
    for one in ready:
        size += len(one.encoded.data) + len(one.meta)
    return Admitted(append.stream, append.expected, ready, size)


def can_be_stream(name: str) -> bool:
    """Whether a stream may have this name; no other one is in any log."""
    return _STREAM(name) is not None


def _ready(event: NewEvent, stored: NewEvent, codec: Codec) -> Ready:
    if not _EVENT_ID(event.event_id):
        raise _invalid("event_id", event.event_id, "a UUID in its lower-case form")
    if not _RELATED_ID(event.correlation_id):
        raise _invalid(
            "correlation_id", event.correlation_id, "1 to 255 printable ASCII characters"
        )
    if event.causation_id is not None and not _RELATED_ID(event.causation_id):
        raise _invalid("causation_id", event.causation_id, "1 to 255 printable ASCII characters")
    if type(event.occurred_at) is not int or not 0 <= event.occurred_at <= LARGEST:
        raise _invalid("occurred_at", event.occurred_at, "microseconds since the epoch")
    encoded = codec.encode(stored.fact)
    return Ready(event, encoded, digest(encoded.data), _meta(event.meta))


def _meta(meta: dict[str, str]) -> bytes:
    try:
        encoded = _encode_meta(meta)
        _decode_meta(encoded)
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError) as error:
        raise _invalid("meta", meta, "texts by name") from error
    if len(encoded) > MAX_META_BYTES:
        raise _invalid("meta", meta, f"at most {MAX_META_BYTES} bytes")
    return encoded


def _invalid(field: str, value: Any, takes: str) -> InvalidEvent:
    return InvalidEvent(f"{field} is {str(value)[:80]!r}; it takes {takes}")
