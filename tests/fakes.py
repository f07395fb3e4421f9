"""Stand-ins for time: what the product takes as an argument, a test holds in its hand."""

START = 1_735_689_600_000_000
"""2025-01-01T00:00:00Z in microseconds."""


class FakeClock:
    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)
