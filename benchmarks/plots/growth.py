"""`LINES PICTURE`: draws the growth benchmark's newest figures over the size of the log.

Runs in ``.venv-bench``, where matplotlib is, and imports nothing of ours.
"""

import json
import sys
from pathlib import Path

import matplotlib  # type: ignore[import-not-found] # see above

matplotlib.use("Agg")
from matplotlib import pyplot

NAMES = {
    "append-p50": "one append after the other, p50",
    "append-64-writers": "64 writers at once",
    "tail-page-p50": "a page of 500 at the end, p50",
}


def main() -> None:
    lines, picture = Path(sys.argv[1]), sys.argv[2]
    newest: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    units: dict[str, str] = {}
    for line in lines.read_text().splitlines():
        figure = json.loads(line)
        _, name, size = figure["bench"].split("/")
        newest[name][int(size)] = figure["value"]
        units[name] = figure["unit"]
    drawing, axes = pyplot.subplots(1, len(NAMES), figsize=(12, 3.6))
    for axis, (name, title) in zip(axes, NAMES.items(), strict=True):
        sizes = sorted(newest[name])
        values = [newest[name][size] for size in sizes]
        axis.plot(sizes, values, marker="o", color="#2f6f9f")
        axis.set_xscale("log")
        axis.set_ylim(0, 1.3 * max(values))
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("events in the log")
        axis.set_ylabel(units[name])
        axis.grid(alpha=0.3)
    drawing.tight_layout()
    drawing.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
