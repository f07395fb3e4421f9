"""The decision inside the single-writer section: which appends are in, and at which positions.

Shared by every store, so that they cannot differ. Rejections are decided here, before anything is
written; what is written afterwards cannot fail for a reason of the domain.
"""

from collections.abc import Sequence

import msgspec

from events.chain import header, link
from events.codec import Encoded, encode
from events.errors import Conflict
from events.store import Append, Appended, NewEvent, Recorded


class Head(msgspec.Struct, frozen=True):
    """The end of the log: its last position, the time recorded there, its chain value."""

    position: int
    recorded_at: int
    chain: bytes


class Staged(msgspec.Struct, frozen=True):
    """An event that will be written, with the bytes to write."""

    recorded: Recorded
    data: bytes


class Batch(msgspec.Struct, frozen=True):
    """What to write, the streams' new versions, and each append's own outcome."""

    staged: Sequence[Staged]
    versions: dict[str, int]
    outcomes: Sequence[Appended | Conflict]
    head: Head


def stage(appends: Sequence[Append], *, head: Head, versions: dict[str, int], now: int) -> Batch:
    """Give every admitted event its position; ``versions`` are the streams' current ones."""
    versions = dict(versions)
    staged: list[Staged] = []
    outcomes: list[Appended | Conflict] = []
    # A clock that was set back must not make the past younger than what is already recorded.
    recorded_at = max(now, head.recorded_at)
    for append in appends:
        actual = versions.get(append.stream, 0)
        if actual != append.expected:
            outcomes.append(Conflict(append.stream, expected=append.expected, actual=actual))
            continue
        first = head.position + 1
        mine: list[Staged] = []
        for event in append.events:
            one = _next(
                event,
                stream=append.stream,
                after=head,
                version=actual + len(mine) + 1,
                recorded_at=recorded_at,
            )
            head = Head(one.recorded.position, recorded_at, one.recorded.chain)
            mine.append(one)
        staged.extend(mine)
        versions[append.stream] = actual + len(mine)
        outcomes.append(
            Appended(first, head.position, versions[append.stream], [one.recorded for one in mine])
        )
    touched = {one.recorded.stream for one in staged}
    return Batch(staged, {name: versions[name] for name in touched}, outcomes, head)


def _next(event: NewEvent, *, stream: str, after: Head, version: int, recorded_at: int) -> Staged:
    encoded: Encoded = encode(event.fact)
    position = after.position + 1
    sealed = header(
        position=position,
        stream=stream,
        version=version,
        event_id=event.event_id,
        type=encoded.type,
        schema_version=encoded.schema_version,
        occurred_at=event.occurred_at,
        recorded_at=recorded_at,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        meta=event.meta,
    )
    recorded = Recorded(
        position=position,
        stream=stream,
        version=version,
        event_id=event.event_id,
        type=encoded.type,
        schema_version=encoded.schema_version,
        occurred_at=event.occurred_at,
        recorded_at=recorded_at,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        fact=event.fact,
        meta=event.meta,
        chain=link(after.chain, header=sealed, data=encoded.data),
    )
    return Staged(recorded, encoded.data)
