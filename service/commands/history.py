"""`waybill history`: what happened to a document, sentence by sentence."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from service.commands.document import Document, json_line
from service.commands.endings import ExitCode, run
from service.commands.options import USUAL_URL, AsJson, AsOf, InUtc, Token, Url
from service.commands.wording import duration, line, moment, plain

DocumentId = Annotated[str, typer.Argument(metavar="ID", help="The document.")]


def history(
    document_id: DocumentId,
    as_of: AsOf = None,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
    utc: InUtc = False,
) -> None:
    """Tell everything that happened to a document.

    One sentence for each event, with its time and the time since the one before.
    """
    run(_history(document_id, as_of, url, token, as_json=as_json, utc=utc))


async def _history(
    document_id: str, as_of: str | None, url: str, token: str | None, *, as_json: bool, utc: bool
) -> ExitCode:
    from service.clock import system_clock
    from service.commands.client import open_client

    async with open_client(url, token) as client:
        document, events = await asyncio.gather(
            client.document(document_id, as_of=as_of), client.history(document_id, as_of=as_of)
        )
    lines = map(json_line, events) if as_json else told(document, events, system_clock(), utc=utc)
    for each in lines:
        print(each)
    return ExitCode.DONE


def told(
    document: Document, events: Sequence[Mapping[str, Any]], now: int, *, utc: bool
) -> Iterator[str]:
    """The document on one line, then each event: its time, the gap before it, its sentence."""
    yield line(document, now=now)
    day = ""
    before: int | None = None
    for event in events:
        written = str(event["recorded_at"])
        local = datetime.fromisoformat(written).astimezone(UTC if utc else None)
        if day != (day := local.strftime("%Y-%m-%d, UTC%z" if not utc else "%Y-%m-%d, UTC")):
            yield f"  {day}"
        at = moment(written)
        gap = "" if before is None else f"+{duration(at - before)}"
        before = at
        clock = local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"
        said = plain(str(event.get("text") or event["type"]), longest=1000)
        yield f"  {clock}  {gap:>9}  {said}"
