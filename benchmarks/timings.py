"""One timed round of many operations."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.rounds import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the round took, and each of its operations; in seconds."""

    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Operations a second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, share: float) -> float:
        """The latency that so large a share of the operations does not exceed."""
        return 1000 * percentile(self.latencies, share)


def timing_from_json(text: str | bytes) -> Timing:
    """What a program in another process has measured."""
    return msgspec.json.decode(text, type=Timing)
