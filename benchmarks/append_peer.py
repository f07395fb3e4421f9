"""Runs the peer of the append benchmarks in its own environment, if that is installed."""

import subprocess
from pathlib import Path

from benchmarks.append_rows import encoded_fact
from benchmarks.timings import Timing, timing_from_json

SQLITE = "sqlite"
SQLITE_NAME = "eventsourcing 9.5, SQLiteAggregateRecorder"
POSTGRESQL = "postgresql"
POSTGRESQL_NAME = "eventsourcing 9.5, PostgresAggregateRecorder"
PYTHON = Path(__file__).parents[1] / ".venv-bench" / "bin" / "python"
RECORDER = Path(__file__).parent / "peers" / "eventsourcing_recorder.py"
APPLICATION = Path(__file__).parent / "peers" / "eventsourcing_application.py"
APPLICATION_NAME = "eventsourcing 9.5, Application.save with SQLite"
SECONDS = 300


def measure_peer(kind: str, database: str, count: int, *, writers: int) -> Timing | None:
    """The recorder's round; ``None`` where it is not installed (``scripts/bench`` installs it)."""
    return _measure(RECORDER, kind, database, str(count), str(writers))


def measure_peer_saving(database: str, count: int) -> Timing | None:
    """The round of the peer's own way to save an event, one after the other."""
    return _measure(APPLICATION, database, str(count))


def _measure(program: Path, *arguments: str) -> Timing | None:
    if not PYTHON.exists():
        return None
    called = subprocess.run(
        [str(PYTHON), str(program), *arguments],
        input=encoded_fact(),
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    return timing_from_json(called.stdout)
