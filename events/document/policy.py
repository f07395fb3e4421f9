"""How patient we are with a document: attempts, delays, leases."""

import msgspec

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How patient we are; all durations in microseconds."""

    attempt_budget: int
    """Attempts of one run, the first included."""
    retry_delays: tuple[int, ...]
    """Delay before the second attempt, the third, ...; the last one repeats."""
    lease: int
    grace: int
    """How long after a lease ran out the sweeper waits, above any difference of clocks."""
    patience: int
    """How long a message may stay unheard of before we ask QStash where it is."""
    republish: int = 600 * SECOND
    """QStash's deduplication window: an ambiguous publish is repeated under the same id in it."""

    def delay_after(self, attempt: int) -> int:
        """How long to wait after this attempt (1, 2, ...) failed; at most a day."""
        index = min(max(attempt, 1), len(self.retry_delays)) - 1
        return min(self.retry_delays[index], DAY)
