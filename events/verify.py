"""Do these stored events keep what the log promises, and if not, from which position on?

Pure: it is given the events run by run, in order, and keeps what it needs to go on.
"""

from collections.abc import Iterable, Mapping

import msgspec

from events.chain import Header, digest, link
from events.heads import START, Head
from events.store import Stored


class Damage(msgspec.Struct, frozen=True):
    """The first position that does not hold, and why."""

    position: int
    why: str


class Verifier:
    """Checks positions, versions, times and the chain; memory grows with the number of streams."""

    def __init__(self, after: Head = START, versions: Mapping[str, int] | None = None) -> None:
        """``after`` is the end of what was checked before, with its streams' ``versions``.

        Without ``versions`` and behind the beginning, a stream may begin at any version.
        """
        self.head = after
        self._versions = dict(versions or {})
        self._whole = versions is not None or after.position == 0

    def check(self, run: Iterable[Stored]) -> Damage | None:
        """The first damage in this run, which follows on the run before; ``None`` if it is whole.

        After a damage nothing that follows can be told.
        """
        for event in run:
            why = self._wrong(event)
            if why is not None:
                return Damage(self.head.position + 1, why)
            self._versions[event.stream] = event.version
            self.head = Head(event.position, event.recorded_at, event.chain)
        return None

    def _wrong(self, event: Stored) -> str | None:
        if event.position != self.head.position + 1:
            return f"the log goes from position {self.head.position} to {event.position}"
        before = self._versions.get(event.stream, 0 if self._whole else event.version - 1)
        if event.version != before + 1:
            return f"stream {event.stream} goes from version {before} to {event.version}"
        if event.recorded_at < self.head.recorded_at:
            return f"it was recorded before position {self.head.position}"
        if sealed(event, self.head.chain) != event.chain:
            return "its content or its header is not what was sealed, or an earlier one is missing"
        return None


def sealed(event: Stored, previous: bytes) -> bytes:
    """The chain value that this event must have behind ``previous``."""
    header = Header(
        event.causation_id,
        event.correlation_id,
        event.event_id,
        msgspec.Raw(event.meta),
        event.occurred_at,
        event.position,
        event.recorded_at,
        event.schema_version,
        event.stream,
        event.type,
        event.version,
    )
    return link(previous, header=header, data_digest=digest(event.data))
