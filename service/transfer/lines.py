"""An event as a line of JSON that keeps the stored bytes: what exports hold, and imports take.

The first line names the log (its epoch) and what the first event is chained to; each further line
is an event. ``data`` and ``meta`` are JSON inside a string: not one of their bytes changes.
"""

from typing import Annotated

import msgspec

from events.store import Stored

FORMAT = 1
LONGEST_LINE = 1 << 20
"""An event of the largest size, quoted, has a fifth of these bytes."""

Epoch = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z]{1,36}$")]
Chain = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Microseconds = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class BadLine(Exception):
    """This line is not what an export holds; the text says why."""


class Heading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: which log, and where these events begin in it.

    ``chain_before`` is what the first event is sealed to; null if that was archived.
    """

    waybill_log: int = FORMAT
    epoch: Epoch
    first: Number
    chain_before: Chain | None


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every further line: an event."""

    position: Number
    stream: str
    version: Number
    event_id: str
    type: str
    schema_version: Number
    occurred_at: Microseconds
    recorded_at: Microseconds
    correlation_id: str
    causation_id: str | None
    data: str
    meta: str
    chain: Chain


_ENCODER = msgspec.json.Encoder()
_HEADING = msgspec.json.Decoder(Heading)
_LINE = msgspec.json.Decoder(Line)


def heading_line(heading: Heading) -> bytes:
    """The first line, with its end."""
    return _ENCODER.encode(heading) + b"\n"


def event_line(stored: Stored) -> bytes:
    """An event's line, with its end."""
    return (
        _ENCODER.encode(
            Line(
                position=stored.position,
                stream=stored.stream,
                version=stored.version,
                event_id=stored.event_id,
                type=stored.type,
                schema_version=stored.schema_version,
                occurred_at=stored.occurred_at,
                recorded_at=stored.recorded_at,
                correlation_id=stored.correlation_id,
                causation_id=stored.causation_id,
                data=stored.data.decode(),
                meta=stored.meta.decode(),
                chain=stored.chain.hex(),
            )
        )
        + b"\n"
    )


def heading_of(line: bytes) -> Heading:
    """The first line as a value; raises ``BadLine``."""
    try:
        heading = _HEADING.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadLine(f"it does not begin like an export of Waybill ({error})") from error
    if heading.waybill_log != FORMAT:
        raise BadLine(
            f"it has format {heading.waybill_log}, and this version of Waybill reads {FORMAT}"
        )
    return heading


def event_of(line: bytes) -> Stored:
    """An event's line as it was stored; raises ``BadLine``."""
    if not line.endswith(b"\n"):
        raise BadLine("it has no end: the file is cut off, or the line is too long")
    try:
        found = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadLine(str(error)) from error
    return Stored(
        position=found.position,
        stream=found.stream,
        version=found.version,
        event_id=found.event_id,
        type=found.type,
        schema_version=found.schema_version,
        occurred_at=found.occurred_at,
        recorded_at=found.recorded_at,
        correlation_id=found.correlation_id,
        causation_id=found.causation_id,
        data=found.data.encode(),
        meta=found.meta.encode(),
        chain=bytes.fromhex(found.chain),
    )
