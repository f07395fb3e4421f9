"""The conditions of a run: without them a figure says nothing."""

import os
import platform
import sqlite3
from pathlib import Path

from projections.views import instant
from service import __version__
from service.clock import system_clock

UNKNOWN = "unknown"
IN_MEMORY = ("tmpfs", "ramfs")


def conditions_of(folder: Path) -> dict[str, object]:
    """This machine, as far as it can be told."""
    return {
        "date": instant(system_clock()),
        "cpus": os.cpu_count(),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "waybill": __version__,
        "file_system": file_system(folder),
        "load_before": round(os.getloadavg()[0], 2),
    }


def file_system(folder: Path) -> str:
    """The kind of file system that the folder lies on."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return UNKNOWN
    here = folder.resolve()
    above = [(mount[1], mount[2]) for mount in mounts if here.is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[0]), default=("", UNKNOWN))[1]


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return UNKNOWN
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, UNKNOWN)
