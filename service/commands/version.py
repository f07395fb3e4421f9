"""`waybill version`: this program, and what it runs on."""

import platform
import sqlite3

from service import __version__
from service.commands.document import json_line
from service.commands.options import AsJson


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    python = platform.python_version()
    if as_json:
        told = {"waybill": __version__, "python": python, "sqlite": sqlite3.sqlite_version}
        print(json_line(told))
    else:
        print(f"waybill {__version__} (Python {python}, SQLite {sqlite3.sqlite_version})")
