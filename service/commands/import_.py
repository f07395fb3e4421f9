"""`waybill import`: a log from its export, byte for byte, into an empty database."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, run
from service.commands.logbook import progress, troubles_told
from service.commands.options import AsJson, Data

if TYPE_CHECKING:
    from events.store import EventStore
    from service.settings import Settings

STANDARD_INPUT = Path("-")

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="An export as JSON lines, or - for standard input."),
]


KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="The keys that were exported with it; without them personal fields read `erased`.",
        show_default=False,
    ),
]


def import_(file: File, keys: KeyFile = None, data: Data = None, as_json: AsJson = False) -> None:
    """Restore a log from an export as JSON lines.

    The database must be empty; or hold the beginning of the same log, then the rest is added: an
    import that broke off can simply be started again. Every event is checked on the way (position,
    version, time, chain), and the first bad line is named. The service must not run.
    """
    run(_import(file, keys, data, as_json=as_json))


async def _import(file: Path, keys: Path | None, data: Path | None, *, as_json: bool) -> ExitCode:
    from service.commands.loading import settings_in_force
    from service.reading import open_for_import
    from service.transfer.restore import Numbered, restore

    with troubles_told(), _opened(file) as (opened, size):
        lines = Numbered(opened)
        heading = lines.heading()
        settings = settings_in_force({"data": data})
        async with open_for_import(settings, epoch=heading.epoch) as store:
            with progress("importing", total=size) as on_bytes:
                on_bytes(lines.heading_bytes)
                added = await restore(store, lines, heading, on_line=on_bytes)
            if keys is not None:
                await _import_keys(keys, settings, store)
            head = await store.head()
            [last] = await store.read_stored(after=head - 1, limit=1) if head else [None]
    told = {
        "file": str(file),
        "epoch": heading.epoch,
        "last": head,
        "added": added,
        "chain": last.chain.hex() if last else heading.chain_before,
    }
    print(json_line(told) if as_json else _line(told))
    return ExitCode.DONE


async def _import_keys(file: Path, settings: "Settings", store: "EventStore") -> None:
    from service.transfer.key_file import restore_keys
    from service.vault import open_vault

    with file.open("rb") as opened:
        async with open_vault(settings) as vault:
            await restore_keys(vault, opened, store)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size, in bytes; nobody knows that of standard input."""
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer, 0
        return
    with file.open("rb") as opened:
        yield opened, file.stat().st_size


def _line(told: Mapping[str, object]) -> str:
    return (
        f"{told['added']} events added; the log now goes to position {told['last']}\n"
        f"head {told['last']}:{told['chain']}"
    )
