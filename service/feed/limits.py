"""How much of everything the feed allows; each number has a stated answer to "full"."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLimits:
    """Durations in seconds, ``retry`` in milliseconds, as the stream tells it."""

    streams: int = 20_000
    """Open streams in this process; one more is asked to come back later."""
    streams_per_address: int = 60
    """Open streams of one address that is not this machine; one more is asked to come back."""
    beat: float = 15.0
    """A stream that was silent for this long gets a beat."""
    tick: tuple[float, float] = (0.004, 0.05)
    """Changes are gathered for at least, at most this long while the log is busy."""
    max_age: float = 840.0
    """A stream ends after this long, a fifth more or less, and is opened again."""
    replay: int = 2_000
    """Documents that a cursor may lie behind, and that a snapshot of everything names."""
    waiting: int = 5_000
    """Documents that wait for a slow client; one more, and it is caught up from the tables."""
    batch: int = 64
    """States joined into one write to a client that has fallen behind."""
    slow: float = 20.0
    """A write that takes longer ends the stream."""
    patience: int = 2
    """How many seconds a cursor may be ahead of the tables before it is called wrong."""
    polls: int = 1_000
    """Waiting long polls; one more is answered at once."""
    retry: tuple[int, int] = (2_000, 6_000)
    busy_retry: tuple[int, int] = (15_000, 45_000)
    drain: float = 3.0
    """Goodbyes are spread over this long."""


def within_descriptors(streams: int) -> int:
    """As many streams as this process has files for, with a fifth left for everything else."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return streams if soft == resource.RLIM_INFINITY else min(streams, soft * 4 // 5)
