"""The verbs of `waybill`, in the order in which a newcomer meets them."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from service.commands.broker import broker
from service.commands.cancel import cancel
from service.commands.demo import demo
from service.commands.doctor import doctor
from service.commands.erase import erase
from service.commands.events import events
from service.commands.export import export
from service.commands.history import history
from service.commands.import_ import import_
from service.commands.rebuild import rebuild
from service.commands.replay import replay
from service.commands.retry import retry
from service.commands.serve import serve
from service.commands.settings import settings
from service.commands.upload import upload
from service.commands.verify import verify
from service.commands.version import version
from service.commands.watch import watch

VERBS = (
    demo,
    serve,
    upload,
    watch,
    history,
    retry,
    cancel,
    erase,
    events,
    replay,
    verify,
    export,
    import_,
    doctor,
    rebuild,
    settings,
    broker,
    version,
)

app = typer.Typer(
    name="waybill",
    help="Tracks documents from upload to result: every step is kept, and can be watched live.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def every(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Tracks documents from upload to result: every step is kept, and can be watched live."""


for verb in VERBS:
    app.command(verb.__name__.rstrip("_"))(verb)


def run() -> None:
    """Runs the command line; a terminal that cannot show a sign gets a question mark instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
