"""What `retry` and `cancel` share: one request for each document, and where it stands then."""

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, Refused, complain
from service.commands.wording import line

Verb = Literal["retry", "cancel"]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="The documents.")]


async def ask_for_each(
    verb: Verb,
    ids: Sequence[str],
    *,
    url: str,
    token: str | None,
    reason: str | None,
    as_json: bool,
) -> ExitCode:
    """Asks for all of them, also when one is refused; says which ones were."""
    from service.clock import system_clock
    from service.commands.client import open_client

    code = ExitCode.DONE
    async with open_client(url, token) as client:
        for each in ids:
            try:
                document = await client.ask(each, verb, reason)
            except Refused as refused:
                complain(f"{each}: {refused}")
                code = ExitCode.REFUSED
                continue
            shown = json_line(document.answer) if as_json else line(document, now=system_clock())
            print(shown, flush=True)
    return code
