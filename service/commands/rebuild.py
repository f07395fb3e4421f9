"""`waybill rebuild`: makes projections anew, beside what is read meanwhile."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.document import json_line
from service.commands.endings import ExitCode, Refused, Unreachable, complain, run
from service.commands.options import USUAL_URL, AsJson, Data, Token, Url

if TYPE_CHECKING:
    from service.commands.client import Client
    from service.rebuilding import Progress

LOOK_SECONDS = 0.25

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="The projections; all if none is named."),
]


def rebuild(
    names: Names = None,
    data: Data = None,
    url: Url = USUAL_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Make projections anew from the log.

    A new table is made beside the one that is read, compared with a fresh fold of some rows, and
    then read in its place. A running server does it while it goes on working; if none answers, it
    is done here, in the data folder.
    """
    run(_rebuild(names or [], data, url, token, as_json=as_json))


async def _rebuild(
    names: Sequence[str], data: Path | None, url: str, token: str | None, *, as_json: bool
) -> ExitCode:
    from service.commands.client import open_client

    with _shown(as_json=as_json) as show:
        try:
            async with open_client(url, token) as client:
                return await _followed(_by_server(client, names), show)
        except Unreachable as error:
            if not as_json:
                complain(f"{error}; the projections are made here")
        return await _followed(_here(data, names), show)


async def _followed(
    all_progress: AsyncGenerator["Progress", None], show: Callable[["Progress"], None]
) -> ExitCode:
    code = ExitCode.DONE
    async with aclosing(all_progress) as coming:
        async for progress in coming:
            show(progress)
            if progress.failed is not None:
                code = ExitCode.REFUSED
    return code


async def _here(data: Path | None, names: Sequence[str]) -> AsyncGenerator["Progress", None]:
    from projections.catalog import ProjectionUnknown
    from service.commands.loading import settings_in_force
    from service.logs import log_to_standard_error
    from service.rebuilding import rebuild_alone
    from service.settings import SettingsError

    settings = settings_in_force({"data": data})
    log_to_standard_error(settings)
    try:
        async for progress in rebuild_alone(settings, names):
            yield progress
    except ProjectionUnknown as error:
        raise Refused(status=404, title="No such projection", detail=str(error)) from error
    except SettingsError as error:
        detail = f"{'; '.join(error.problems)}; or name its server with --url"
        raise Refused(status=409, title="In use", detail=detail) from error


async def _by_server(client: "Client", names: Sequence[str]) -> AsyncGenerator["Progress", None]:
    known = await client.get("/v1/projections")
    wanted = {
        name: (await client.post(f"/v1/projections/{name}/rebuild"))["build"]
        for name in names or [one["name"] for one in known["projections"]]
    }
    while wanted:
        told = await client.get("/v1/projections")
        for one in told["projections"]:
            if one["name"] not in wanted:
                continue
            progress = _progress(one, wanted[one["name"]], told["position"])
            yield progress
            if progress.done or progress.failed is not None:
                del wanted[one["name"]]
        await asyncio.sleep(LOOK_SECONDS)


def _progress(told: Mapping[str, Any], build: int, head: int) -> "Progress":
    """What the server's answer says of this build."""
    from service.rebuilding import Progress

    done = told["build"] is not None and told["build"] >= build
    making = told["rebuild"]
    if making is None and not done:
        why = str(told["failed"] or "another table took its place")
        return Progress(name=told["name"], position=0, head=head, failed=why)
    position = told["position"] if done else making["position"]
    return Progress(name=told["name"], position=position, head=head, done=done)


@contextmanager
def _shown(*, as_json: bool) -> Iterator[Callable[["Progress"], None]]:
    """A bar for each projection on a terminal, and a line when it has ended; or all as JSON."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    with Bars(
        console=console,
        disable=as_json or not console.is_terminal,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as bars:
        tasks: dict[str, Any] = {}

        def show(progress: "Progress") -> None:
            if as_json:
                print(json_line(asdict(progress)), flush=True)
                return
            if progress.name not in tasks:
                tasks[progress.name] = bars.add_task(progress.name, total=progress.head)
            bars.update(tasks[progress.name], completed=progress.position, total=progress.head or 1)
            if progress.failed is not None:
                complain(f"{progress.name} stays as it was: {progress.failed}")
            elif progress.done:
                print(f"{progress.name} is made anew, up to position {progress.position}")

        yield show
