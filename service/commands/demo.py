"""`waybill demo`: a server of its own, real PDFs, and everything moving, within seconds."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.endings import ExitCode, Trouble, complain, run
from service.commands.options import AsJson

if TYPE_CHECKING:
    from service.commands.child import Server
    from service.commands.stage import Stage

DEADLINE_SECONDS = 180.0
SETTINGS = {
    "WAYBILL_RETRY_DELAYS": "1",
    "WAYBILL_PROCESSORS": "flaky=service.commands.flaky:process",
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_DRAIN_SECONDS": "5",
}
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Once = Annotated[
    bool,
    typer.Option("--once", help="Leave when all have ended: with 0 if each ended as it should."),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="N",
        help="The server's port.",
        show_default="8321, or any free one if that is taken",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Use this folder.", show_default="a temporary one"),
]
Keep = Annotated[bool, typer.Option("--keep", help="Do not remove the temporary folder.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for; `say` tells people, where it does not mix with what scripts read."""

    once: bool
    port: int | None
    data: Path | None
    keep: bool
    as_json: bool
    say: Callable[[str], None]


def demo(
    once: Once = False,
    port: Port = None,
    data: Data = None,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """See it work: a server, real PDFs, and everything moving.

    Good documents, a large one, a damaged one, and one that fails twice and then works. The server
    stays up until Ctrl-C, so that its page can be looked at.
    """
    say = partial(typer.echo, err=as_json)
    run(_demo(Wanted(once=once, port=port, data=data, keep=keep, as_json=as_json, say=say)))


async def _demo(wanted: Wanted) -> ExitCode:
    playing = asyncio.create_task(_play(wanted))

    def stop() -> None:
        # Once only: a second Ctrl-C must not keep us from stopping the server.
        if not playing.cancelling():
            playing.cancel()

    for each in STOPPED_BY:
        asyncio.get_running_loop().add_signal_handler(each, stop)
    try:
        return await playing
    except asyncio.CancelledError:
        return ExitCode.INTERRUPTED


async def _play(wanted: Wanted) -> ExitCode:
    from service.clock import system_clock
    from service.commands.child import free_port, started
    from service.commands.demo_documents import SAMPLES
    from service.samples import SamplesUnavailable

    try:
        first = await asyncio.to_thread(SAMPLES[0].draw)
    except SamplesUnavailable as error:
        raise Trouble(str(error)) from error
    with _folder(wanted) as data:
        port = free_port() if wanted.port is None else wanted.port
        began = system_clock()
        async with started(data=data, port=port, settings=SETTINGS) as server:
            wanted.say(f"Waybill is at {server.url}")
            return await while_up(server, _show(wanted, server, first, began=began))


async def _show(wanted: Wanted, server: "Server", first: bytes, *, began: int) -> ExitCode:
    from service.clock import system_clock
    from service.commands.screen import open_screen
    from service.commands.stage import Stage

    with open_screen(as_json=wanted.as_json, clock=system_clock) as screen:
        stage = Stage(screen, system_clock, began=began)
        different = await _perform(stage, server, first)
    for each in different:
        complain(each)
    wanted.say(_verdict(stage, different))
    code = ExitCode.REFUSED if different else ExitCode.DONE
    if not wanted.once:
        wanted.say(f"Look at {server.url} and drop a PDF of your own there. Ctrl-C stops it.")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return code
    return code


async def _perform(stage: "Stage", server: "Server", first: bytes) -> list[str]:
    from service.commands.client import open_client

    async with open_client(server.url, None) as client:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await stage.perform(client, first)
        except TimeoutError:
            late = f"not all documents had ended after {DEADLINE_SECONDS:.0f} s"
            return [late, *stage.differences()]
    return stage.differences()


def _verdict(stage: "Stage", different: list[str]) -> str:
    if different:
        return f"The demo did not go as it should: {len(different)} differences."
    return (
        f"All {len(stage.cast)} documents ended as they should, "
        f"the first {stage.first_seconds:.1f} s after the start, "
        f"the last after {stage.last_seconds:.1f} s."
    )


async def while_up(server: "Server", work: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """Does the work; a server that ends meanwhile ends it too, with the reason."""
    from service.commands.child import ended

    working = asyncio.create_task(work)
    ending = asyncio.create_task(ended(server))
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ending.result()
        return working.result()
    except asyncio.CancelledError:
        working.cancel()
        return await working
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)


@contextmanager
def _folder(wanted: Wanted) -> Iterator[Path]:
    from tempfile import TemporaryDirectory, mkdtemp

    if wanted.data:
        wanted.data.mkdir(parents=True, exist_ok=True)
        yield wanted.data.resolve()
    elif wanted.keep:
        kept = Path(mkdtemp(prefix="waybill-demo-"))
        yield kept
        wanted.say(f"Everything is kept in {kept}")
    else:
        with TemporaryDirectory(prefix="waybill-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
