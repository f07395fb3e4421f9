"""The golden description of the API: ``openapi.json``, what clients were promised.

``scripts/docs`` writes it anew. Look at the difference before you commit it: what disappears, or is
wanted where it was not, breaks somebody.
"""

from pathlib import Path

import msgspec
from litestar import Litestar

from service.web import create_web
from service.web.openapi import describe

GOLDEN = Path(__file__).parent / "openapi.json"


def web_with_nothing_behind_it() -> Litestar:
    """The application, fit to be described but not to answer."""
    return create_web(rooms=None, api_token=None, version="reference")


def golden_description() -> str:
    """What the golden file should hold."""
    made = msgspec.json.encode(describe(web_with_nothing_behind_it()))
    return msgspec.json.format(made, indent=2).decode() + "\n"
