"""`waybill watch`: follows the feed in the terminal."""

from typing import Annotated

import typer

from service.commands.endings import ExitCode, run
from service.commands.options import USUAL_URL, AsJson, Token, Url

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="The documents to watch; all if none.", show_default=False),
]


def watch(
    ids: Ids = None, url: Url = USUAL_URL, token: Token = None, as_json: AsJson = False
) -> None:
    """Follow documents as they move.

    With ids it ends when all of them have ended: with 0 if all succeeded, with 4 otherwise.
    Without ids it goes on until Ctrl-C.
    """
    run(_watch(ids or [], url, token, as_json=as_json))


async def _watch(ids: list[str], url: str, token: str | None, *, as_json: bool) -> ExitCode:
    from service.clock import jitter, system_clock
    from service.commands import watching
    from service.commands.board import Board
    from service.commands.client import open_client
    from service.commands.screen import open_screen

    async with open_client(url, token) as client:
        for each in ids:
            await client.document(each)  # a mistyped id is told now, not watched for ever
        board = Board(only=frozenset(ids) if ids else None)
        with open_screen(as_json=as_json, clock=system_clock) as screen:
            board = await watching.watch(client, board, screen, jitter=jitter)
    return ExitCode.ENDED_BADLY if board.any_ended_badly else ExitCode.DONE
