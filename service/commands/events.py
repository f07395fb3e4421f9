"""`waybill events`: what is in the log, event by event, straight from the database."""

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, Unusable, run
from service.commands.logbook import opened_log, position_before, position_of
from service.commands.options import MOMENT, AsJson, Data, InUtc
from service.commands.telling import event_object, event_text
from service.commands.times import moment_of

if TYPE_CHECKING:
    from events.store import EventStore, Recorded

OneDocument = Annotated[
    str | None,
    typer.Option("--document", metavar="ID", help="Only this document's.", show_default=False),
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="NAME",
        help="Only events of this type; may be repeated.",
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar=MOMENT,
        callback=moment_of,
        help="From this position or time on, such as 18422 or 2026-11-23T14:02:00Z.",
        show_default="the beginning",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar=MOMENT,
        callback=moment_of,
        help="Up to and with this position or time.",
        show_default="the end",
    ),
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")]


def events(
    document: OneDocument = None,
    types: Types = None,
    since: Since = None,
    until: Until = None,
    follow: Follow = False,
    data: Data = None,
    as_json: AsJson = False,
    utc: InUtc = False,
) -> None:
    """Print the log's events, oldest first.

    Reads the database itself, also while the service runs.
    """
    run(_events(document, types or (), since, until, follow, data, as_json=as_json, utc=utc))


async def _events(
    document: str | None,
    types: Sequence[str],
    since: str | None,
    until: str | None,
    follow: bool,
    data: Path | None,
    *,
    as_json: bool,
    utc: bool,
) -> ExitCode:
    if follow and until:
        raise Unusable("--follow has no end, and --until is one; leave one of them out")
    check_types(types)
    async with opened_log(data) as store:
        after = await position_before(store, since)
        upto = await position_of(store, until)
        if since is not None and after >= (head := await store.head()) and not follow:
            why = f"nothing since {since}: the log ends at position {head}"
            print(f"waybill: {why}", file=sys.stderr)
        async for page in _pages(store, document, after=after, upto=upto, follow=follow):
            for event in page:
                if types and event.type not in types:
                    continue
                told = json_line(event_object(event)) if as_json else event_text(event, utc=utc)
                print(told, flush=follow)
    return ExitCode.DONE


async def _pages(
    store: "EventStore", document: str | None, *, after: int, upto: int, follow: bool
) -> AsyncIterator[Sequence["Recorded"]]:
    """The events behind ``after``; of one document without reading all the others' past."""
    if document is not None:
        yield await _of_document(store, document, after=after, upto=upto)
    else:
        async for page in pages(store, after=after, upto=upto):
            yield page
    if not follow:
        return
    from events.follow import follow as followed
    from events.store import document_stream
    from events.wakeup import Wakeup

    stream = None if document is None else document_stream(document)
    async for page in followed(store, after=max(after, upto), wakeup=Wakeup()):
        yield [event for event in page if stream in (None, event.stream)]


async def _of_document(
    store: "EventStore", document: str, *, after: int, upto: int
) -> Sequence["Recorded"]:
    from events.store import document_stream

    recorded = await store.read_stream(document_stream(document))
    if not recorded:
        from events.errors import DocumentUnknown

        raise DocumentUnknown(document)
    return [event for event in recorded if after < event.position <= upto]


async def pages(
    store: "EventStore", *, after: int, upto: int
) -> AsyncIterator[Sequence["Recorded"]]:
    """The events at the positions ``after + 1`` to ``upto``, a page at a time."""
    from events.store import PAGE

    while after < upto:
        page = await store.read_all(after=after, limit=min(PAGE, upto - after))
        if not page:
            return
        yield page
        after = page[-1].position


def check_types(types: Sequence[str]) -> None:
    """Refuse a type that no event has; raises ``Unusable``."""
    from difflib import get_close_matches

    from events.codec import NAMES

    known = [name for name, _ in NAMES.values()]
    for each in types:
        if each not in known:
            close = get_close_matches(each, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
            raise Unusable(f"there is no event type {each!r}; {hint}")
