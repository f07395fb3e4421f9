"""Draws the plots that a benchmark has, beside its saved lines."""

import subprocess
from pathlib import Path

from benchmarks.append_peer import PYTHON

PLOTS = Path(__file__).parent / "plots"
SECONDS = 120


def draw(name: str, lines: Path) -> Path | None:
    """The picture of these lines; ``None`` if this benchmark has none, or nothing can draw."""
    program = PLOTS / f"{name}.py"
    if not (program.exists() and PYTHON.exists()):
        return None
    picture = lines.with_suffix(".svg")
    subprocess.run(
        [str(PYTHON), str(program), str(lines), str(picture)], check=True, timeout=SECONDS
    )
    return picture
