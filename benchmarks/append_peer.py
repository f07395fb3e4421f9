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
PROGRAM = Path(__file__).parent / "peers" / "eventsourcing_recorder.py"
SECONDS = 300


def measure_peer(kind: str, database: str, count: int, *, writers: int) -> Timing | None:
    """The peer's round; ``None`` where it is not installed (``scripts/bench`` installs it)."""
    if not PYTHON.exists():
        return None
    called = subprocess.run(
        [str(PYTHON), str(PROGRAM), kind, database, str(count), str(writers)],
        input=encoded_fact(),
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    return timing_from_json(called.stdout)
