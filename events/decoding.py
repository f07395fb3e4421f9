"""A stored event as a fact, or as a fact that cannot be read."""

from collections.abc import Mapping
from typing import Any

import msgspec

from events.codec import Codec
from events.document.facts import DocumentEvent
from events.errors import UnknownEvent
from events.store import Recorded, Stored, Unreadable, document_of

_decode_meta = msgspec.json.Decoder(dict[str, str]).decode


def recorded(stored: Stored, codec: Codec) -> Recorded:
    """The event, decoded; what cannot be decoded is ``Unreadable``, never an error."""
    return Recorded(
        stored.position,
        stored.stream,
        stored.version,
        stored.event_id,
        stored.type,
        stored.schema_version,
        stored.occurred_at,
        stored.recorded_at,
        stored.correlation_id,
        stored.causation_id,
        fact_of(stored, codec),
        meta_of(stored.meta),
        stored.chain,
    )


def readable(event: Recorded) -> DocumentEvent:
    """The fact, for whoever decides on it; raises ``UnknownEvent`` where there is none to read."""
    if isinstance(event.fact, Unreadable):
        raise UnknownEvent(event.fact.type, event.fact.version, event.fact.why)
    return event.fact


def fact_of(stored: Stored, codec: Codec) -> DocumentEvent | Unreadable:
    """What happened, as far as this code can tell."""
    try:
        return codec.decode(stored.type, stored.schema_version, stored.data)
    except UnknownEvent as error:
        return Unreadable(_document(stored), stored.type, stored.schema_version, why=error.why)


def meta_of(meta: bytes) -> dict[str, str]:
    """The metadata; empty if it is damaged."""
    try:
        return _decode_meta(meta)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _document(stored: Stored) -> str:
    in_stream = document_of(stored.stream)
    if in_stream:
        return in_stream
    try:
        content: Any = msgspec.json.decode(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    named = content.get("document_id") if isinstance(content, Mapping) else None
    return named if isinstance(named, str) else ""
