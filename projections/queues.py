"""What the queue does: a row per minute, and what waits right now."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import BigInteger, Column, Connection, Index, select

from events.document.facts import (
    DeadLettered,
    DocumentRegistered,
    ProcessingFailed,
    ProcessingStarted,
    ProcessingSucceeded,
    RetryScheduled,
)
from events.document.state import Status
from events.store import Recorded
from projections import builds
from projections.document_rows import WAITING, DocumentRows
from projections.histogram import added, merged, quantile
from projections.projection import Projection, projected_table
from projections.views import instant

NAME = "queue_minutes"
VERSION = 1
MINUTE = 60_000_000

_table = projected_table(NAME, VERSION, Column("minute", BigInteger, nullable=False))
Index("queue_minutes_by_minute", _table.c.minute)


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one minute; ``minute`` counts minutes since the epoch."""

    minute: int
    received: int = 0
    started: int = 0
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    waiting_ms: dict[str, int] = {}
    processing_ms: dict[str, int] = {}


class QueueMinutes(Projection[Minute]):
    """The fold: counts and durations, by the minute in which they were recorded."""

    name = NAME
    version = VERSION
    linger = 0.25
    table = _table
    state = Minute

    def key(self, event: Recorded) -> str | None:
        """The minute, for the events that count."""
        return str(event.recorded_at // MINUTE) if isinstance(event.fact, COUNTED) else None

    def fold(self, state: Minute | None, event: Recorded) -> Minute:
        """The minute with this event counted."""
        minute = state or Minute(minute=event.recorded_at // MINUTE)
        match event.fact:
            case DocumentRegistered():
                return replace(minute, received=minute.received + 1)
            case ProcessingStarted(waited_ms=waited):
                return replace(
                    minute,
                    started=minute.started + 1,
                    waiting_ms=added(minute.waiting_ms, waited),
                )
            case ProcessingSucceeded(duration_ms=duration):
                return replace(
                    minute,
                    succeeded=minute.succeeded + 1,
                    processing_ms=added(minute.processing_ms, duration),
                )
            case ProcessingFailed(duration_ms=duration):
                return replace(minute, processing_ms=added(minute.processing_ms, duration))
            case RetryScheduled():
                return replace(minute, retried=minute.retried + 1)
            case DeadLettered():
                return replace(minute, failed=minute.failed + 1)
            case _:
                return minute

    def columns(self, state: Minute) -> dict[str, Any]:
        """What queries select by."""
        return {"minute": state.minute}

    def encode(self, state: Minute) -> bytes:
        """JSON, readable for analysts."""
        return msgspec.json.encode(state)

    def decode(self, stored: bytes) -> Minute:
        """The stored JSON as a value."""
        return _DECODER.decode(stored)


COUNTED = (
    DocumentRegistered,
    ProcessingStarted,
    ProcessingSucceeded,
    ProcessingFailed,
    RetryScheduled,
    DeadLettered,
)
_DECODER = msgspec.json.Decoder(Minute)
QUEUE_MINUTES = QueueMinutes()


class MinuteView(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of the queue's history."""

    minute: str
    received: int
    started: int
    succeeded: int
    failed: int
    retried: int


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """The queue now, and its last minutes; durations in milliseconds, ``null`` when unknown.

    ``waiting`` counts documents that are received or queued, ``in_flight`` those being processed.
    Percentiles are over the minutes shown, and within 10 %.
    """

    position: int
    waiting: int
    oldest_waiting: str | None
    oldest_waiting_id: str | None
    in_flight: int
    retrying: int
    failed: int
    succeeded: int
    cancelled: int
    waiting_p50_ms: int | None
    waiting_p95_ms: int | None
    processing_p50_ms: int | None
    processing_p95_ms: int | None
    minutes: list[MinuteView]


def queue(connection: Connection, *, now: int, minutes: int) -> QueueView:
    """The queue at ``now`` and its last ``minutes``, the newest first."""
    rows = DocumentRows(connection)
    return summary(
        position=rows.position,
        numbers=rows.counts(),
        oldest=rows.oldest_waiting(),
        history=history(connection, since=now // MINUTE - minutes),
    )


def history(connection: Connection, *, since: int, upto: int | None = None) -> list[Minute]:
    """The minutes behind ``since`` and before ``upto``, the newest first."""
    table = builds.source(connection, QUEUE_MINUTES).table
    found = select(table.c.state).where(table.c.minute > since).order_by(table.c.minute.desc())
    if upto is not None:
        found = found.where(table.c.minute < upto)
    return [_DECODER.decode(stored) for stored in connection.execute(found).scalars()]


def summary(
    *,
    position: int,
    numbers: Mapping[Status, int],
    oldest: tuple[str, int] | None,
    history: Sequence[Minute],
) -> QueueView:
    """The view of these numbers and minutes, the newest of them first."""
    waiting = merged(minute.waiting_ms for minute in history)
    processing = merged(minute.processing_ms for minute in history)
    return QueueView(
        position=position,
        waiting=sum(numbers[status] for status in WAITING),
        oldest_waiting=instant(oldest[1]) if oldest else None,
        oldest_waiting_id=oldest[0] if oldest else None,
        in_flight=numbers[Status.PROCESSING],
        retrying=numbers[Status.RETRYING],
        failed=numbers[Status.FAILED],
        succeeded=numbers[Status.SUCCEEDED],
        cancelled=numbers[Status.CANCELLED],
        waiting_p50_ms=quantile(waiting, 0.50),
        waiting_p95_ms=quantile(waiting, 0.95),
        processing_p50_ms=quantile(processing, 0.50),
        processing_p95_ms=quantile(processing, 0.95),
        minutes=[_minute_view(minute) for minute in history],
    )


def _minute_view(minute: Minute) -> MinuteView:
    return MinuteView(
        minute=instant(minute.minute * MINUTE),
        received=minute.received,
        started=minute.started,
        succeeded=minute.succeeded,
        failed=minute.failed,
        retried=minute.retried,
    )
