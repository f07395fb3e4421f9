"""How a command ends: exit codes that scripts can use, and the troubles that lead to them."""

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from enum import IntEnum
from typing import Any, NoReturn

import typer

from service.commands.wording import plain


class ExitCode(IntEnum):
    """What a script may rely on; the reference page lists them with the texts below."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    ENDED_BADLY = 4
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "Everything asked for was done.",
    ExitCode.REFUSED: "The server refused, or something is not as it should be.",
    ExitCode.USAGE: "The command line or the settings cannot be used.",
    ExitCode.UNREACHABLE: "The server cannot be reached.",
    ExitCode.ENDED_BADLY: "A document that was watched ended as failed or cancelled.",
    ExitCode.INTERRUPTED: "Stopped with Ctrl-C.",
}


class Trouble(Exception):
    """A command cannot go on; its text is for the person at the terminal."""

    code = ExitCode.REFUSED


class Unusable(Trouble):
    """What was typed, or what the settings say, cannot be used."""

    code = ExitCode.USAGE


class Unreachable(Trouble):
    """No server answers at this address."""

    code = ExitCode.UNREACHABLE

    def __init__(self, url: str, why: str) -> None:
        detail = f" ({plain(why)})" if why else ""
        super().__init__(f"cannot reach the server at {url}: is `waybill serve` running?{detail}")


class Refused(Trouble):
    """The server said no, with a problem (RFC 9457)."""

    def __init__(self, *, status: int, title: str, detail: str) -> None:
        said = f"{title}: {detail}" if detail and detail != title else title
        super().__init__(plain(said, longest=2000))
        self.status = status


def run(work: Coroutine[Any, Any, ExitCode]) -> NoReturn:
    """Runs a command to its end and leaves with its exit code."""
    try:
        code = asyncio.run(work)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except (Trouble, BaseExceptionGroup) as error:
        trouble = first_trouble(error)
        if trouble is None:
            raise
        complain(str(trouble))
        code = trouble.code
    raise typer.Exit(int(code))


def first_trouble(error: BaseException) -> Trouble | None:
    """The trouble that this is, or the first of those that tasks met side by side."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(first_trouble, error.exceptions)), None)
    return None


def complain(text: str) -> None:
    """One line of trouble, where it does not mix with what scripts read."""
    print(f"waybill: {text}", file=sys.stderr, flush=True)
