"""The repository as files: what a person would find in a fresh clone."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "projections", "migrations", "service")
CODE = (*PACKAGES, "tests", "benchmarks", "examples")

_OURS_THOUGH_HIDDEN = {".ci", ".gitignore"}
_MADE = {"__pycache__", "dist", "node_modules", "waybill-data"}


def every_file(folder: Path = ROOT) -> Iterator[Path]:
    """Every file that belongs to the project, without what tools and runs have made."""
    for path in sorted(folder.iterdir()):
        if path.name in _MADE or (path.name[0] == "." and path.name not in _OURS_THOUGH_HIDDEN):
            continue
        if path.is_dir():
            yield from every_file(path)
        else:
            yield path


def modules_of(*packages: str) -> Iterator[Path]:
    for package in packages:
        if (ROOT / package).is_dir():
            yield from (path for path in every_file(ROOT / package) if path.suffix == ".py")


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
