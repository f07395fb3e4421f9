"""A recorded event for people and for scripts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from service.commands.wording import plain

if TYPE_CHECKING:
    from events.store import Recorded


def event_object(event: "Recorded") -> Mapping[str, object]:
    """Everything about the event but its chain value; times are RFC 3339 in UTC.

    ``data`` is null if this version cannot read the event; its ``text`` says why.
    """
    from events.store import document_of
    from projections.views import instant

    return {
        "position": event.position,
        "document_id": document_of(event.stream) or None,
        "stream": event.stream,
        "version": event.version,
        "event_id": event.event_id,
        "type": event.type,
        "schema_version": event.schema_version,
        "occurred_at": instant(event.occurred_at),
        "recorded_at": instant(event.recorded_at),
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
        "data": _data(event),
        "meta": event.meta,
        "text": said(event),
    }


def event_text(event: "Recorded", *, utc: bool) -> str:
    """One line: where, when, which document, what happened."""
    from events.store import document_of

    document = document_of(event.stream) or event.stream
    at = clock_text(event.recorded_at, utc=utc)
    return f"{event.position:>8}  {at}  {plain(document)}  {plain(said(event), longest=1000)}"


def said(event: "Recorded") -> str:
    """What happened, in a sentence."""
    from projections.sentences import sentence

    return sentence(event.fact)


def clock_text(microseconds: int, *, utc: bool) -> str:
    """A time to the millisecond, in the local zone or in UTC."""
    moment = datetime.fromtimestamp(microseconds / 1_000_000, UTC).astimezone(UTC if utc else None)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _data(event: "Recorded") -> object:
    from events.codec import encode
    from events.store import Unreadable

    if isinstance(event.fact, Unreadable):
        return None
    return msgspec.Raw(encode(event.fact).data)
