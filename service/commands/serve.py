"""`waybill serve`: the whole service in the foreground."""

import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NoReturn

import typer

from service.announcements import EXPORT, LISTENING, MISBEHAVING, PAGE
from service.commands.document import json_line
from service.commands.endings import ExitCode, complain
from service.commands.options import AsJson, Data

Host = Annotated[
    str | None,
    typer.Option("--host", metavar="HOST", help="The address to listen on.", show_default="as set"),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="N",
        help="The port to listen on; 0 takes any free one.",
        show_default="as set",
    ),
]
UntilStdinEnds = Annotated[
    bool,
    typer.Option(
        "--until-stdin-ends",
        help="Stop when standard input ends: with the program that started this one.",
    ),
]


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    until_stdin_ends: UntilStdinEnds = False,
    as_json: AsJson = False,
) -> None:
    """Start the service.

    That is the API, the page, the feed, the workers, and the embedded broker if no QStash is set.
    Prints one line, `listening on http://HOST:PORT`, when it is ready, or with `--json` an object
    with the `url`; logs go to standard error.
    """
    from service.commands.loading import settings_in_force

    in_force = settings_in_force({"data": data, "host": host, "port": port})

    async def work() -> None:
        from service.serving import serve as serve_everything

        await serve_everything(in_force, announce=announce_as_json if as_json else announce)

    run_server(work(), until_stdin_ends=until_stdin_ends)


def announce(line: str) -> None:
    """Scripts wait for this line, so it must not stay in a buffer."""
    print(line, flush=True)


def announce_as_json(line: str) -> None:
    """`listening on URL` as `{"url": URL}`, an `export` as `{NAME: VALUE}`, and so on."""
    if line.startswith(LISTENING):
        announce(json_line({"url": line.removeprefix(LISTENING)}))
    elif line.startswith(PAGE):
        announce(json_line({"page": line.removeprefix(PAGE)}))
    elif line.startswith(MISBEHAVING):
        announce(json_line({"chaos": line.removeprefix(MISBEHAVING)}))
    else:
        name, _, value = line.removeprefix(EXPORT).partition("=")
        announce(json_line({name: value}))


def run_server(work: Coroutine[Any, Any, None], *, until_stdin_ends: bool) -> NoReturn:
    """Runs a server until it is told to stop, on the quickest event loop there is."""
    from service.beside import BrokerDidNotStart
    from service.commands.loading import refuse
    from service.hosting import AddressUnusable
    from service.processing.registry import UnknownProcessor
    from service.settings import SettingsError

    if until_stdin_ends:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    code = ExitCode.DONE
    try:
        with asyncio.Runner(loop_factory=quickest_loop()) as runner:
            runner.run(work)
    except SettingsError as error:
        refuse(error)
        code = ExitCode.USAGE
    except UnknownProcessor as error:
        complain(str(error))
        code = ExitCode.USAGE
    except (AddressUnusable, BrokerDidNotStart) as error:
        complain(str(error))
        code = ExitCode.REFUSED
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise typer.Exit(int(code))


def quickest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists, else asyncio's own."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return None
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new_loop


def _stop_with_stdin() -> None:
    """Whoever started us holds the other end; the system closes it even if they are killed."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
