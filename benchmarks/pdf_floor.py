"""The floor of reading: pypdf over the same bytes in one loop, in a process of its own.

As a program: file names on standard input, one a line; the seconds on standard output. The clock
starts when pypdf is loaded, as it is in a worker.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MEANING = "pypdf over the same files in one loop, times the number of processors"
SECONDS = 600


def documents_a_second(documents: Sequence[bytes]) -> float:
    """How many of these one loop reads in a second."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.pdf") for number in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            path.write_bytes(document)
        return len(paths) / seconds_to_read(paths)


def seconds_to_read(paths: Sequence[Path]) -> float:
    """How long one loop takes, in a fresh process."""
    called = subprocess.run(
        [sys.executable, str(Path(__file__))],
        input="\n".join(map(str, paths)).encode(),
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    return float(called.stdout)


def _main() -> None:
    from pypdf import PdfReader

    paths = sys.stdin.read().splitlines()
    characters = 0
    began = time.perf_counter()
    for path in paths:
        with Path(path).open("rb") as file:
            for page in PdfReader(file).pages:
                characters += len(page.extract_text())
    seconds = time.perf_counter() - began
    if not characters:
        sys.exit("pypdf found no text; these are not the samples")
    print(seconds)


if __name__ == "__main__":
    _main()
