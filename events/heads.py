"""The decision inside the single-writer section: which appends are in, and at which positions.

Shared by every store, so that they cannot differ. Rejections are decided here, before anything is
written; what is written afterwards cannot fail for a reason of the domain.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from events.chain import GENESIS, Header, link
from events.errors import Conflict, CorruptedIdempotency
from events.intake import Admitted, Ready
from events.store import ANY, Appended, Recorded, Stored

Outcome = Appended | Conflict | CorruptedIdempotency
"""What became of one append."""

Earlier = Callable[[str, int, int], Sequence[Recorded]]
"""``(stream, after, limit)``: what is stored there, by version."""


class Head(msgspec.Struct, frozen=True):
    """The end of the log: its last position, the time recorded there, its chain value."""

    position: int
    recorded_at: int
    chain: bytes


START = Head(0, 0, GENESIS)
"""The end of an empty log."""


class Staged(msgspec.Struct, frozen=True, gc=False):
    """An event that will be written, with the bytes to write."""

    recorded: Recorded
    data: bytes
    meta: bytes

    @property
    def stored(self) -> Stored:
        """The event as the database will hold it."""
        one = self.recorded
        return Stored(
            one.position,
            one.stream,
            one.version,
            one.event_id,
            one.type,
            one.schema_version,
            one.occurred_at,
            one.recorded_at,
            one.correlation_id,
            one.causation_id,
            self.data,
            self.meta,
            one.chain,
        )


class Batch(msgspec.Struct, frozen=True):
    """What to write, the streams' new versions, and each append's own outcome."""

    staged: Sequence[Staged]
    versions: Mapping[str, int]
    outcomes: Sequence[Outcome]
    head: Head


def stage(
    appends: Sequence[Admitted],
    *,
    head: Head,
    versions: Mapping[str, int],
    now: int,
    earlier: Earlier,
) -> Batch:
    """Give every admitted event its position; ``versions`` are the streams' current ones."""
    staging = _Staging(head, versions, now, earlier)
    outcomes = [staging.outcome(append) for append in appends]
    return Batch(staging.staged, staging.reached, outcomes, staging.head)


class _Staging:
    """A batch as it grows."""

    def __init__(self, head: Head, versions: Mapping[str, int], now: int, earlier: Earlier) -> None:
        self.position = head.position
        self.chain = head.chain
        self.staged: list[Staged] = []
        self.reached: dict[str, int] = {}
        self._versions = versions
        self._earlier = earlier
        # A clock that was set back must not make the past younger than what is already recorded.
        self.recorded_at = max(now, head.recorded_at)

    @property
    def head(self) -> Head:
        """The end of the log with this batch."""
        return Head(self.position, self.recorded_at, self.chain)

    def outcome(self, append: Admitted) -> Outcome:
        actual = self.reached.get(append.stream) or self._versions.get(append.stream, 0)
        if append.expected in (actual, ANY):
            return self._add(append, actual)
        if append.expected < actual:
            return self._compare(append, actual)
        return Conflict(append.stream, expected=append.expected, actual=actual)

    def _add(self, append: Admitted, version: int) -> Appended:
        first = self.position + 1
        mine = []
        for ready in append.events:
            version += 1
            mine.append(self._next(ready, append.stream, version))
        self.reached[append.stream] = version
        return Appended(first, self.position, version, mine)

    def _next(self, ready: Ready, stream: str, version: int) -> Recorded:
        event, encoded = ready.event, ready.encoded
        self.position = position = self.position + 1
        header = Header(
            event.causation_id,
            event.correlation_id,
            event.event_id,
            msgspec.Raw(ready.meta),
            event.occurred_at,
            position,
            self.recorded_at,
            encoded.schema_version,
            stream,
            encoded.type,
            version,
        )
        self.chain = link(self.chain, header=header, data_digest=ready.data_digest)
        recorded = Recorded(
            position,
            stream,
            version,
            event.event_id,
            encoded.type,
            encoded.schema_version,
            event.occurred_at,
            self.recorded_at,
            event.correlation_id,
            event.causation_id,
            event.fact,
            event.meta,
            self.chain,
        )
        self.staged.append(Staged(recorded, encoded.data, ready.meta))
        return recorded

    def _compare(self, append: Admitted, actual: int) -> Outcome:
        """An exact version that is behind: the same append again, another one, or neither?"""
        theirs = self._behind(append)
        ours = [ready.event.event_id for ready in append.events]
        same = 0
        while same < len(theirs) and theirs[same].event_id == ours[same]:
            same += 1
        if same == 0:
            return Conflict(append.stream, expected=append.expected, actual=actual)
        if same < len(ours):
            return CorruptedIdempotency(
                append.stream, expected=append.expected, same=same, given=len(ours)
            )
        return Appended(
            theirs[0].position, theirs[-1].position, theirs[-1].version, theirs, repeated=True
        )

    def _behind(self, append: Admitted) -> list[Recorded]:
        """What stands at the versions that the append wanted; some of it in this very batch."""
        wanted = len(append.events)
        found = list(self._earlier(append.stream, append.expected, wanted))
        found += [
            one.recorded
            for one in self.staged
            if one.recorded.stream == append.stream and one.recorded.version > append.expected
        ]
        return found[:wanted]
