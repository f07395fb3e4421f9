"""`waybill upload`: sends documents, and watches them if asked to."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.document import Document, json_line
from service.commands.endings import ExitCode, Refused, complain, run
from service.commands.options import USUAL_URL, AsJson, Token, Url
from service.commands.wording import line, plain

if TYPE_CHECKING:
    from service.commands.client import Client
    from service.commands.gathering import Source
    from service.commands.sending import Sent, Wishes

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH", help="Files, folders (every *.pdf in them), or - for standard input."
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Wait until all have ended, and show how.")]
Owner = Annotated[
    str, typer.Option("--owner", metavar="NAME", help="Whose they are.", show_default=False)
]
Processor = Annotated[
    str,
    typer.Option(
        "--processor", metavar="NAME", help="What reads them.", show_default="the server's choice"
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="The name to show, of one document.", show_default=False
    ),
]
Again = Annotated[
    bool,
    typer.Option("--again", help="New documents even if the same files were uploaded before."),
]


def upload(
    paths: Paths,
    watch: Watch = False,
    owner: Owner = "",
    processor: Processor = "",
    name: Name = None,
    again: Again = False,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Upload PDFs, and perhaps wait for them.

    Each line that comes back is a document that will be processed, or visibly fail. The same file
    uploaded twice is the same document, so an upload that broke off can simply be repeated.
    """
    from service.clock import new_id
    from service.commands.sending import Wishes

    wishes = Wishes(owner=owner, processor=processor, again=new_id if again else None)
    run(_upload(paths, wishes, name=name, watch=watch, url=url, token=token, as_json=as_json))


async def _upload(
    paths: Sequence[Path],
    wishes: "Wishes",
    *,
    name: str | None,
    watch: bool,
    url: str,
    token: str | None,
    as_json: bool,
) -> ExitCode:
    from service.commands.client import open_client
    from service.commands.gathering import gathered

    with gathered(paths, name=name) as sources:
        async with open_client(url, token) as client:
            sent = await _send_with_progress(client, sources, wishes, as_json=as_json)
            refused = [each.trouble for each in sent if each.trouble]
            for trouble in refused:
                if not isinstance(trouble, Refused):
                    raise trouble
            told = {each.document.id: each.document for each in sent if each.document}
            code = await _watch(client, told, as_json=as_json) if watch and told else ExitCode.DONE
    return ExitCode.REFUSED if refused else code


async def _send_with_progress(
    client: "Client", sources: Sequence["Source"], wishes: "Wishes", *, as_json: bool
) -> list["Sent"]:
    from service.clock import system_clock
    from service.commands.sending import send_all

    def tell(sent: "Sent") -> None:
        if sent.document:
            document = sent.document
            print(
                json_line(document.answer) if as_json else line(document, now=system_clock()),
                flush=True,
            )
        elif isinstance(sent.trouble, Refused):
            complain(f"{plain(str(sent.source.path))}: {sent.trouble}")

    with _progress(sum(source.size for source in sources), len(sources)) as on_bytes:
        return await send_all(client, sources, wishes, on_bytes=on_bytes, on_sent=tell)


@contextmanager
def _progress(total: int, count: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, when somebody looks at it; it goes away at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        # Lines for a pipe must reach the pipe; those for the same terminal are kept apart by rich.
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task(
            f"uploading {'one document' if count == 1 else f'{count} documents'}", total=total
        )
        yield lambda sent: progress.advance(task, sent)


async def _watch(client: "Client", told: Mapping[str, Document], *, as_json: bool) -> ExitCode:
    """Show what changes after what was told already, which is not told again."""
    from service.clock import jitter, system_clock
    from service.commands import watching
    from service.commands.board import Board
    from service.commands.screen import open_screen

    with open_screen(as_json=as_json, clock=system_clock) as screen:
        board = Board(only=frozenset(told), documents=told)
        board = await watching.watch(client, board, screen, jitter=jitter)
    return ExitCode.ENDED_BADLY if board.any_ended_badly else ExitCode.DONE
