"""An event as canonical JSON, and back.

``NAMES`` is the storage format: the name and version of every event type. A name is never reused
and a class may be renamed freely. A field may be added with a default; a changed meaning is a new
event, a changed shape a new version with an upcast from the old one.

Canonical JSON has sorted keys, no spaces and no fractions: the same fact is the same bytes on every
database, so that they can be hashed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from events.document import facts
from events.document.facts import DocumentEvent
from events.errors import InvalidEvent, UnknownEvent

MAX_EVENT_BYTES = 64 * 1024
"""An event holds references, counts and hashes; what is larger belongs into the object store."""

NAMES: Mapping[type[DocumentEvent], tuple[str, int]] = {
    facts.DocumentRegistered: ("document_registered", 1),
    facts.EnqueueRequested: ("enqueue_requested", 1),
    facts.Enqueued: ("enqueued", 1),
    facts.PublishFailed: ("publish_failed", 1),
    facts.DeliveryReceived: ("delivery_received", 1),
    facts.DeliveryIgnored: ("delivery_ignored", 1),
    facts.ProcessingStarted: ("processing_started", 1),
    facts.ProgressReported: ("progress_reported", 1),
    facts.ProcessingSucceeded: ("processing_succeeded", 1),
    facts.ProcessingFailed: ("processing_failed", 1),
    facts.AttemptDiscarded: ("attempt_discarded", 1),
    facts.LeaseExpired: ("lease_expired", 1),
    facts.RetryScheduled: ("retry_scheduled", 1),
    facts.DeadLettered: ("dead_lettered", 1),
    facts.TransportObserved: ("transport_observed", 1),
    facts.CancelRequested: ("cancel_requested", 1),
    facts.Cancelled: ("cancelled", 1),
    facts.Requeued: ("requeued", 1),
    facts.DlqEntryRemoved: ("dlq_entry_removed", 1),
}

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""``(name, version)`` to the function that turns its data into that of ``version + 1``."""

_TYPES = {name: (kind, version) for kind, (name, version) in NAMES.items()}
_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODERS: Mapping[str, msgspec.json.Decoder[DocumentEvent]] = {
    name: msgspec.json.Decoder(kind) for name, (kind, _) in _TYPES.items()
}


class Encoded(msgspec.Struct, frozen=True):
    """An event as it is stored."""

    type: str
    schema_version: int
    data: bytes


def check_upcasts() -> None:
    """Refuse to start unless every old version can be read; raises ``InvalidEvent``."""
    for name, (_, current) in _TYPES.items():
        for version in range(1, current):
            if (name, version) not in UPCASTS:
                raise InvalidEvent(f"{name} version {version} has no upcast to {version + 1}")


def encode(event: DocumentEvent) -> Encoded:
    """The stored form; raises ``InvalidEvent`` when it is too large."""
    name, version = NAMES[type(event)]
    data = _ENCODER.encode(event)
    if len(data) > MAX_EVENT_BYTES:
        raise InvalidEvent(
            f"{name} of document {event.document_id} has {len(data)} bytes; "
            f"an event holds at most {MAX_EVENT_BYTES}: store the content as an object"
        )
    return Encoded(name, version, data)


def decode(type_name: str, schema_version: int, data: bytes) -> DocumentEvent:
    """The fact; raises ``UnknownEvent`` for a type or version that this code does not know."""
    known = _TYPES.get(type_name)
    if known is None or schema_version > known[1]:
        raise UnknownEvent(type_name, schema_version)
    kind, current = known
    if schema_version == current:
        return _DECODERS[type_name].decode(data)
    content = msgspec.json.decode(data)
    for version in range(schema_version, current):
        content = UPCASTS[type_name, version](content)
    return msgspec.convert(content, kind)
