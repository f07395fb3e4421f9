"""Keeps a run's lines as `DATE-BENCH.jsonl` beside those of other days."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Figure

RESULTS = Path(__file__).parent / "results"


def save(name: str, figures: Sequence[Figure], *, date: str, folder: Path = RESULTS) -> Path:
    """Add the lines to the file of this benchmark and day."""
    path = folder / f"{date}-{name}.jsonl"
    with path.open("a") as file:
        file.writelines(f"{figure.line()}\n" for figure in figures)
    return path
