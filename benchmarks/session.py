"""What every benchmark is given: a folder, the number of rounds, the sizes, and the conditions."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.rounds import middle, spread

Benchmark = Callable[["Session"], AsyncIterator[Figure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work one round is."""

    lone_appends: int
    shared_appends: int
    documents: int
    megabytes: int
    pages: int
    upload_megabytes: int
    log_events: int
    growth_events: tuple[int, ...]
    messages: int
    messages_at_rest: int
    messages_waiting: int
    idle_seconds: int


FULL = Sizes(
    lone_appends=3_000,
    shared_appends=20_000,
    documents=500,
    megabytes=10,
    pages=300,
    upload_megabytes=200,
    log_events=1_000_000,
    growth_events=(10_000, 100_000, 1_000_000, 5_000_000),
    messages=10_000,
    messages_at_rest=1_000_000,
    messages_waiting=100_000,
    idle_seconds=30,
)
SMALL = Sizes(
    lone_appends=200,
    shared_appends=1_000,
    documents=60,
    megabytes=2,
    pages=40,
    upload_megabytes=40,
    log_events=50_000,
    growth_events=(2_000, 20_000),
    messages=400,
    messages_at_rest=5_000,
    messages_waiting=2_000,
    idle_seconds=3,
)
"""Enough to see that a benchmark works; its figures mean little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command."""

    folder: Path
    rounds: int
    sizes: Sizes
    machine: Mapping[str, object]
    settings: Mapping[str, str]
    """Settings of the measured server that are not the defaults."""

    @contextmanager
    def fresh_folder(self) -> Iterator[Path]:
        """A folder for one measurement, removed behind it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            yield Path(name)

    def lasting_folder(self) -> Path:
        """A folder for one measurement that makes many files; it goes when all is measured.

        A file system that has just removed many files may be slow to make new ones: ext4 without a
        journal needed 150 instead of 10 microseconds for each, for minutes.
        """
        return Path(tempfile.mkdtemp(dir=self.folder))

    def figure(
        self,
        bench: str,
        values: list[float],
        unit: str,
        *,
        floor: list[float] | None = None,
        peer: list[float] | None = None,
        peer_name: str | None = None,
        conditions: Mapping[str, object],
    ) -> Figure:
        """The median of the rounds, with what it was measured under."""
        return Figure(
            bench=bench,
            value=middle(values),
            unit=unit,
            floor=middle(floor) if floor else None,
            peer=middle(peer) if peer else None,
            peer_name=peer_name if peer else None,
            conditions={
                **self.machine,
                "runs": len(values),
                "spread": spread(values),
                "spread_of_floor": spread(floor) if floor else None,
                "spread_of_peer": spread(peer) if peer else None,
                "settings": dict(self.settings),
                **conditions,
            },
        )
