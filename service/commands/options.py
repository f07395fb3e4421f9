"""Options that several verbs share, with the same names and the same words."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands.times import moment_of

USUAL_URL = "http://127.0.0.1:8321"

Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="WAYBILL_URL", metavar="URL", help="The address of the server to talk to."
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="WAYBILL_API_TOKEN",
        metavar="TOKEN",
        help="The server's bearer token, if it asks for one.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line, and nothing else.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The folder that holds everything.", show_default="as set"
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why; the history shows it.", show_default=False),
]
InUtc = Annotated[bool, typer.Option("--utc", help="Show times in UTC, not in local time.")]
MOMENT = "MOMENT"

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar=MOMENT,
        callback=moment_of,
        help="How it was then: a log position, or a time such as 2026-11-23T14:02:00Z.",
        show_default=False,
    ),
]
