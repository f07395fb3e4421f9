"""`waybill replay`: what was true then, folded anew; or all of it once more, at any speed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from service.commands.document import document_from, json_line
from service.commands.endings import ExitCode, Unusable, run
from service.commands.logbook import (
    opened_log,
    position_before,
    position_of,
    progress,
    then_of,
)
from service.commands.options import MOMENT, AsJson, AsOf, Data, InUtc
from service.commands.playing import played, speed_of
from service.commands.telling import clock_text
from service.commands.times import moment_of
from service.commands.wording import duration, line, plain

if TYPE_CHECKING:
    from events.store import Recorded
    from projections.documents import Tracked
    from projections.lookups import Lookups
    from projections.queues import QueueView

Play = Annotated[
    str | None,
    typer.Option(
        "--play",
        metavar="SPEED",
        help="Show each change again when its turn comes: 1x as it was, 60x an hour in a minute, "
        "or max.",
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar=MOMENT,
        callback=moment_of,
        help="Where to begin to play: a position or a time.",
        show_default="the beginning",
    ),
]
Limit = Annotated[
    int,
    typer.Option("--limit", metavar="N", min=0, help="How many documents to show, newest first."),
]


def replay(
    as_of: AsOf = None,
    play: Play = None,
    since: Since = None,
    limit: Limit = 50,
    data: Data = None,
    as_json: AsJson = False,
    utc: InUtc = False,
) -> None:
    """Fold the log anew up to a moment, and show documents and queue as they were.

    With --play every change up to that moment is shown again, in the rhythm in which it happened.
    Reads the database itself, also while the service runs, and changes nothing.
    """
    if play is None and since is not None:
        raise typer.BadParameter("--since says where to begin to play; add --play SPEED")
    if play is None:
        run(_fold(as_of, limit, data, as_json=as_json, utc=utc))
    try:
        speed = speed_of(play)
    except Unusable as error:
        raise typer.BadParameter(str(error)) from None
    run(_play(speed, since, as_of, data, as_json=as_json, utc=utc))


async def _fold(
    as_of: str | None, limit: int, data: Path | None, *, as_json: bool, utc: bool
) -> ExitCode:
    from service.replaying import replayed

    async with opened_log(data) as store:
        upto, now = await then_of(store, as_of)
        with progress("replaying", total=upto) as on_events:
            async with replayed(store, upto=upto, on_events=on_events) as lookups:
                await _show_documents(lookups, limit, now, as_json=as_json)
                queue = await lookups.queue(now=now, minutes=60)
    if as_json:
        print(json_line({"queue": msgspec.to_builtins(queue)}))
    else:
        print(_queue_text(queue, now, utc=utc))
    return ExitCode.DONE


async def _show_documents(lookups: "Lookups", limit: int, now: int, *, as_json: bool) -> None:
    """The newest ones, page by page."""
    before: int | None = None
    while limit > 0:
        size = min(limit, 500)
        page = await lookups.page(limit=size, before=before, status=(), owner=None)
        for tracked in page.documents:
            print(_shown(tracked, now, as_json=as_json))
        if page.before is None:
            return
        before = page.before
        limit -= size


def _shown(tracked: "Tracked", now: int, *, as_json: bool) -> str:
    from projections.views import view

    told = msgspec.to_builtins(view(tracked))
    return json_line(told) if as_json else line(document_from(told), now=now)


def _queue_text(queue: "QueueView", now: int, *, utc: bool) -> str:
    at = clock_text(now, utc=utc) if queue.position else "before the first event"
    oldest = ""
    if queue.oldest_waiting is not None:
        from service.commands.wording import moment

        waited = duration(now - moment(queue.oldest_waiting))
        oldest = f", the longest ({plain(queue.oldest_waiting_id or '')}) for {waited}"
    return (
        f"position {queue.position}, {at}: {queue.waiting} waiting{oldest}; "
        f"{queue.in_flight} processing, {queue.retrying} retrying, {queue.succeeded} succeeded, "
        f"{queue.failed} failed, {queue.cancelled} cancelled"
    )


async def _play(
    speed: float,
    since: str | None,
    as_of: str | None,
    data: Path | None,
    *,
    as_json: bool,
    utc: bool,
) -> ExitCode:
    told: dict[str, str] = {}
    async with opened_log(data) as store:
        after = await position_before(store, since)
        upto = await position_of(store, as_of)
        async for event, tracked in played(store, after=after, upto=upto, speed=speed):
            if tracked is None:
                continue
            if as_json:
                print(_played_object(event, tracked), flush=True)
                continue
            shown = _shown(tracked, event.recorded_at, as_json=False)
            if told.get(tracked.document.id) != shown:
                print(f"{clock_text(event.recorded_at, utc=utc)}  {shown}", flush=True)
            told[tracked.document.id] = shown
    return ExitCode.DONE


def _played_object(event: "Recorded", tracked: "Tracked") -> str:
    from projections.views import instant, view

    return json_line(
        {
            "position": event.position,
            "recorded_at": instant(event.recorded_at),
            "type": event.type,
            "document": msgspec.to_builtins(view(tracked)),
        }
    )
