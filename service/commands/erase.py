"""`waybill erase`: destroys what a document held, for good."""

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.asking import Ids
from service.commands.document import Document, json_line
from service.commands.endings import ExitCode, Refused, Unusable, complain, run
from service.commands.options import USUAL_URL, AsJson, Reason, Token, Url
from service.commands.wording import line

if TYPE_CHECKING:
    from service.commands.client import Client

LOOKS = 60
"""How often we look whether it is done, half a second apart."""

By = Annotated[
    str,
    typer.Option("--by", metavar="NAME", help="Who has it erased; the history keeps it."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def erase(
    ids: Ids,
    by: By = "command line",
    reason: Reason = None,
    yes: Yes = False,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Erase documents that have ended: file, text, name and owner; this cannot be undone."""
    run(
        _erase_each(ids, by=by, reason=reason or "", yes=yes, url=url, token=token, as_json=as_json)
    )


async def _erase_each(
    ids: Sequence[str],
    *,
    by: str,
    reason: str,
    yes: bool,
    url: str,
    token: str | None,
    as_json: bool,
) -> ExitCode:
    from service.clock import system_clock
    from service.commands.client import open_client

    if not yes and not _agreed(ids):
        return ExitCode.REFUSED
    code = ExitCode.DONE
    async with open_client(url, token) as client:
        for each in ids:
            try:
                document = await _erased(client, each, by, reason)
            except Refused as refused:
                complain(f"{each}: {refused}")
                code = ExitCode.REFUSED
                continue
            shown = json_line(document.answer) if as_json else line(document, now=system_clock())
            print(shown, flush=True)
    return code


def _agreed(ids: Sequence[str]) -> bool:
    if not sys.stdin.isatty():
        raise Unusable("nobody is here to be asked; say --yes to erase without a question")
    what = ids[0] if len(ids) == 1 else f"{len(ids)} documents"
    return typer.confirm(f"Erase {what} for good?", err=True)


async def _erased(client: "Client", document_id: str, by: str, reason: str) -> Document:
    document = await client.erase(document_id, by, reason)
    for _ in range(LOOKS):
        if document.erased_everywhere:
            break
        await asyncio.sleep(0.5)
        document = await client.document(document_id)
    else:
        complain(f"{document_id}: the erasure is recorded and goes on by itself")
    return document
