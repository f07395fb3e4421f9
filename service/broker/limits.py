"""The bounds of the delivery engine."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds."""

    concurrency: int = 128
    """Attempts under way at once."""

    destination: int = 64
    """Of these, for one destination."""

    timeout: float = 900.0
    shutdown: float = 5.0

    @property
    def window(self) -> int:
        """Messages in memory: enough that attempts never wait for a claim."""
        return max(256, 4 * self.concurrency)
