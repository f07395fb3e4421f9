"""An event as canonical JSON, and back.

``NAMES`` is the storage format: the name and version of every event type. A name is never reused
and a class may be renamed freely. A field may be added with a default; a changed meaning is a new
event, a changed shape a new version with an upcast from the old one.

Canonical JSON has sorted keys, no spaces and no fractions: the same fact is the same bytes on every
database, so that they can be hashed.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from events.document import facts
from events.document.facts import DocumentEvent
from events.errors import InvalidEvent, UnknownEvent

MAX_EVENT_BYTES = 64 * 1024
"""An event holds references, counts and hashes; what is larger belongs into the object store."""

LARGEST = 2**63 - 1
SMALLEST = -(2**63)
"""Whole numbers lie between these two, in every database."""

Names = Mapping[type[DocumentEvent], tuple[str, int]]

NAMES: Names = {
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
    facts.DocumentErased: ("document_erased", 1),
    facts.ErasureCompleted: ("erasure_completed", 1),
}

_NEWER = "this version of Waybill does not know it; run the one that wrote it, or a newer one"

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
Upcasts = Mapping[tuple[str, int], Upcast]
"""``(name, version)`` to the function that turns its data into that of ``version + 1``."""

UPCASTS: Upcasts = {}


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """An event as it is stored."""

    type: str
    schema_version: int
    data: bytes


class _Kind(msgspec.Struct, frozen=True):
    """One event type: its name, its current version, how it is read, which fields are numbers."""

    name: str
    version: int
    decode: Callable[[bytes], DocumentEvent]
    numbers: tuple[str, ...]


class Codec:
    """The event types that this code knows, and the way from every old version to the current."""

    def __init__(self, names: Names, upcasts: Upcasts) -> None:
        """Raises ``InvalidEvent`` unless every old version can be read."""
        self.names = names
        self.upcasts = upcasts
        self._encode = msgspec.json.Encoder(order="sorted").encode
        self._kinds = {kind: _known(kind, *name) for kind, name in names.items()}
        self._types = {name: (kind, version) for kind, (name, version) in names.items()}
        _check(names, upcasts)

    def encode(self, event: DocumentEvent) -> Encoded:
        """The stored form; raises ``InvalidEvent``, naming the field that cannot be stored."""
        kind = self._kinds[type(event)]
        try:
            data = self._encode(event)
            # What cannot be read back must never get into the log: it would be there for ever.
            same = kind.decode(data) == event
        except (msgspec.MsgspecError, UnicodeEncodeError, TypeError) as error:
            raise _refused(kind, event, f"{_culprit(event)}{error}") from error
        if not same:
            raise _refused(kind, event, f"{_changed(event, kind.decode(data))} is of another type")
        if len(data) > MAX_EVENT_BYTES:
            raise InvalidEvent(
                f"{kind.name} of document {event.document_id} has {len(data)} bytes; "
                f"an event holds at most {MAX_EVENT_BYTES}: store the content as an object"
            )
        for name in kind.numbers:
            number = getattr(event, name)
            if number is not None and not SMALLEST <= number <= LARGEST:
                raise _refused(
                    kind,
                    event,
                    f"{name} is {number}; a number lies between {SMALLEST} and {LARGEST}",
                )
        return Encoded(kind.name, kind.version, data)

    def decode(self, type_name: str, schema_version: int, data: bytes) -> DocumentEvent:
        """The fact; raises ``UnknownEvent`` for what this code does not know or cannot read."""
        known = self._types.get(type_name)
        if known is None or schema_version > known[1]:
            raise UnknownEvent(type_name, schema_version, _NEWER)
        kind, current = known
        try:
            if schema_version == current:
                return self._kinds[kind].decode(data)
            content = msgspec.json.decode(data)
            for version in range(schema_version, current):
                content = self.upcasts[type_name, version](content)
            return msgspec.convert(content, kind)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            why = f"it is damaged ({error}); waybill verify finds what else is"
            raise UnknownEvent(type_name, schema_version, why) from error


def _known(kind: type[DocumentEvent], name: str, version: int) -> _Kind:
    numbers = [
        field.name
        for field in msgspec.structs.fields(kind)
        if field.type is int or int in get_args(field.type)
    ]
    return _Kind(name, version, msgspec.json.Decoder(kind).decode, tuple(numbers))


def _refused(kind: _Kind, event: DocumentEvent, why: str) -> InvalidEvent:
    return InvalidEvent(f"{kind.name} of document {event.document_id!r} cannot be stored: {why}")


def _culprit(event: DocumentEvent) -> str:
    """The field that has no JSON, if there is one."""
    for name in event.__struct_fields__:
        try:
            msgspec.json.encode(getattr(event, name))
        except (msgspec.MsgspecError, UnicodeEncodeError, TypeError):
            return f"{name}: "
    return ""


def _changed(event: DocumentEvent, back: DocumentEvent) -> str:
    """The first field that did not come back as it was."""
    fields = event.__struct_fields__
    return next((name for name in fields if getattr(event, name) != getattr(back, name)), "it")


def _check(names: Names, upcasts: Upcasts) -> None:
    for name, current in names.values():
        for version in range(1, current):
            if (name, version) not in upcasts:
                raise InvalidEvent(f"{name} version {version} has no upcast to {version + 1}")


CODEC = Codec(NAMES, UPCASTS)
"""Every event type of this version of Waybill."""

encode = CODEC.encode
decode = CODEC.decode
