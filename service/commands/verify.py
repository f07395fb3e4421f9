"""`waybill verify`: does the log keep what it promises, and fit a head that was kept elsewhere?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, run
from service.commands.finding import (
    Finding,
    Level,
    ok,
    problem,
    shown_as_json,
    shown_as_lines,
    warning,
)
from service.commands.logbook import opened_log, progress
from service.commands.options import AsJson, Data

if TYPE_CHECKING:
    from service.transfer.verifying import Anchor, Broken, Verdict

ANCHOR = re.compile(r"([1-9][0-9]{0,15}):([0-9a-fA-F]{64})")
REPAIR = (
    "keep this database as it is, restore the newest sound copy (`waybill import`, or a backup) "
    "into another folder, and look into who or what wrote here"
)
SOUND = {
    "positions": "{first} to {last}, none is missing",
    "versions": "the events of each stream are 1, 2, 3, ... in this order",
    "times": "no event was recorded before the one in front of it",
    "chain": "every event is what was sealed",
}

Anchored = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        metavar="POSITION:CHAIN",
        help="A head that was kept elsewhere, as this command, /v1/log/head and the service's log "
        "tell it.",
        show_default=False,
    ),
]


def verify(anchor: Anchored = None, data: Data = None, as_json: AsJson = False) -> None:
    """Check every event of the log.

    Positions, versions, times and the hash chain; the first bad position is named. Also while the
    service runs. The exit code is 0 for a sound log, and 1 for any other. A log that somebody wrote
    anew from some position on is sound in itself: only --anchor finds that.
    """
    run(_verify(_anchor(anchor), data, as_json=as_json))


async def _verify(anchor: "Anchor | None", data: Path | None, *, as_json: bool) -> ExitCode:
    from service.transfer.verifying import Verification

    async with opened_log(data) as store:
        upto = await store.head()
        epoch = await store.epoch()
        with progress("verifying", total=upto) as on_events:
            verdict = await Verification(store, anchor=anchor).run(upto=upto, on_events=on_events)
    findings = [*_promises(verdict), *_others(verdict, anchor, upto)]
    for finding in findings:
        print(shown_as_json(finding) if as_json else shown_as_lines(finding))
    print(_head(verdict, epoch, as_json=as_json))
    sound = all(finding.level is not Level.PROBLEM for finding in findings)
    return ExitCode.DONE if sound else ExitCode.REFUSED


def _anchor(text: str | None) -> "Anchor | None":
    from service.transfer.verifying import Anchor

    if text is None:
        return None
    found = ANCHOR.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text[:100]!r} is no anchor; write it as POSITION:CHAIN, such as 18422:5f70... with "
            "all 64 hexadecimal digits"
        )
    return Anchor(int(found[1]), bytes.fromhex(found[2]))


def _promises(verdict: "Verdict") -> Iterator[Finding]:
    """One finding for each promise; behind the first bad position nothing can be said."""
    if verdict.head.position == verdict.after and verdict.broken is None:
        yield ok("positions", "there are no events")
        return
    for promise, text in SOUND.items():
        if verdict.broken is not None and verdict.broken.promise == promise:
            yield problem(promise, _broken(verdict.broken), repair=REPAIR)
            continue
        if verdict.broken is None:
            yield ok(promise, text.format(first=verdict.after + 1, last=verdict.head.position))
        else:
            yield ok(promise, f"nothing is wrong before position {verdict.broken.position}")


def _broken(broken: "Broken") -> str:
    return f"position {broken.position} is bad: {broken.why}"


def _others(verdict: "Verdict", anchor: "Anchor | None", upto: int) -> Iterator[Finding]:
    if verdict.disagreement is not None:
        yield problem("streams", verdict.disagreement.why, repair=REPAIR)
    elif verdict.broken is None:
        yield ok("streams", "each stream ends where its last event is")
    if verdict.unreadable:
        yield warning(
            "readable",
            f"{verdict.unreadable} events, the first at position {verdict.first_unreadable}, "
            "cannot be read by this version",
            repair="run the version of Waybill that wrote them, or a newer one",
        )
    else:
        yield ok("readable", "this version can read every event")
    if anchor is not None:
        yield _anchored(verdict, anchor, upto)


def _anchored(verdict: "Verdict", anchor: "Anchor", upto: int) -> Finding:
    if anchor.position > upto:
        text = f"the log ends at position {upto}, before {anchor.position}: events were taken away"
        return problem("anchor", text, repair=REPAIR)
    if verdict.anchor_chain is None:
        text = f"position {anchor.position} was not reached, so nothing is known of it"
        return problem("anchor", text, repair="see above")
    if verdict.anchor_chain != anchor.chain:
        text = f"position {anchor.position} or one before it is not what it was when it was noted"
        return problem("anchor", text, repair=REPAIR)
    return ok("anchor", f"position {anchor.position} is what it was when it was noted")


def _head(verdict: "Verdict", epoch: str, *, as_json: bool) -> str:
    from projections.views import timestamp

    head = verdict.head
    if as_json:
        return json_line(
            {
                "events": head.position - verdict.after,
                "position": head.position,
                "recorded_at": timestamp(head.recorded_at or None),
                "chain": head.chain.hex(),
                "epoch": epoch,
            }
        )
    return f"head {head.position}:{head.chain.hex()} (log {epoch})"
