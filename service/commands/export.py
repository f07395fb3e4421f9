"""`waybill export`: the whole log as a file, for a backup or for analysts."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, Unusable, run
from service.commands.logbook import opened_log, progress, troubles_told
from service.commands.options import AsJson, Data
from service.commands.wording import plain

if TYPE_CHECKING:
    from service.transfer.targets import Origin, Target

STANDARD_OUTPUT = Path("-")


class Format(StrEnum):
    """What an export can be; the values are also the endings of file names."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Where to: a name that ends with .jsonl, .csv or .parquet, or - for standard output.",
    ),
]
InFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="jsonl (every stored byte, for `waybill import`), csv, or parquet (a folder).",
        show_default="by the name of FILE",
    ),
]


KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="Write the keys of personal fields, too, to a file of their own.",
        show_default=False,
    ),
]


def export(
    file: File,
    in_format: InFormat = None,
    keys: KeyFile = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write every event of the log to a file.

    Also while the service runs. If FILE is there already, what it lacks is added: after an export
    that broke off, and for a copy that is brought up to date every night.
    """
    run(_export(file, in_format or _format_of(file), keys, data, as_json=as_json))


async def _export(
    file: Path, in_format: Format, keys: Path | None, data: Path | None, *, as_json: bool
) -> ExitCode:
    from service.transfer.export import export as write_all
    from service.transfer.export import origin_of
    from service.transfer.revealing import revealed
    from service.transfer.targets import shown

    async with opened_log(data) as store:
        upto = await store.head()
        origin = await origin_of(store)
        target = _target(file, in_format, origin)
        before = target.reached.position
        try:
            reveal = None if in_format is Format.JSONL else partial(revealed, store)
            with progress("exporting", total=max(0, upto - before)) as on_events:
                await write_all(store, target, upto=upto, on_events=on_events, revealed=reveal)
        finally:
            target.close()
    if keys is not None:
        await _export_keys(keys, data, epoch=origin.epoch)
    told = {
        "file": str(file),
        "format": in_format.value,
        "epoch": origin.epoch,
        "first": origin.first,
        "last": target.reached.position,
        "added": target.reached.position - before,
        "chain": shown(target.reached.chain),
    }
    if file == STANDARD_OUTPUT:
        return ExitCode.DONE
    print(json_line(told) if as_json else _line(told))
    return ExitCode.DONE


async def _export_keys(file: Path, data: Path | None, *, epoch: str) -> None:
    from service.commands.loading import settings_in_force
    from service.transfer.key_file import write_keys
    from service.vault import open_vault_as_it_is

    with troubles_told():
        async with open_vault_as_it_is(settings_in_force({"data": data})) as vault:
            if vault is None:
                raise Unusable("there are no keys here, so none can be exported")
            await write_keys(vault, file, epoch=epoch)


def _format_of(file: Path) -> Format:
    if file == STANDARD_OUTPUT:
        return Format.JSONL
    try:
        return Format(file.suffix.removeprefix(".").lower())
    except ValueError:
        endings = ", ".join(f".{each.value}" for each in Format)
        raise typer.BadParameter(
            f"{plain(file.name)!r} ends with none of {endings}; say which with --format"
        ) from None


def _target(file: Path, in_format: Format, origin: "Origin") -> "Target":
    from service.transfer.csv_file import CsvFile
    from service.transfer.line_file import LineFile, LineStream

    if file == STANDARD_OUTPUT:
        if in_format is not Format.JSONL:
            raise Unusable(f"{in_format.value} needs a file; standard output takes jsonl")
        return LineStream(sys.stdout.buffer, origin)
    match in_format:
        case Format.JSONL:
            return LineFile(file, origin)
        case Format.CSV:
            return CsvFile(file, origin)
        case Format.PARQUET:
            return _parquet(file, origin)


def _parquet(file: Path, origin: "Origin") -> "Target":
    try:
        from service.transfer.parquet_folder import ParquetFolder
    except ModuleNotFoundError as error:
        raise Unusable(
            f"Parquet needs {error.name}, which is not installed; in a clone of Waybill: "
            "pip install -e '.[analyst]'"
        ) from error
    return ParquetFolder(file, origin)


def _line(told: Mapping[str, object]) -> str:
    return (
        f"{plain(str(told['file']))}: {told['added']} events added, it now goes to position "
        f"{told['last']}\nhead {told['last']}:{told['chain']}"
    )
