"""How long the broker keeps things, in seconds."""

from dataclasses import dataclass

__all__ = ["Retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Afterwards they are removed, a batch at a time."""

    finished: int = 600
    """Body and headers of a finished message; until then it can be fetched."""

    log: int = 3 * 86400
    dead_letters: int = 7 * 86400

    deduplication: int = 600
    """A second message of the same deduplication id is not delivered."""
