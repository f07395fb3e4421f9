"""The log that the settings name, for verbs that read it themselves and ask no server."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from events.errors import LogUnavailable, WaybillError
from service.commands.endings import ExitCode, Trouble, Unusable

if TYPE_CHECKING:
    from events.sql import SqlEventStore
    from events.store import EventStore


class NoDatabase(Trouble):
    """The log cannot be read."""

    code = ExitCode.UNREACHABLE


@asynccontextmanager
async def opened_log(data: Path | None) -> AsyncIterator["SqlEventStore"]:
    """The log, to be read; whatever is wrong with it becomes a trouble in words."""
    from service.commands.loading import settings_in_force
    from service.reading import open_log

    with troubles_told():
        async with open_log(settings_in_force({"data": data})) as store:
            yield store


@contextmanager
def troubles_told() -> Iterator[None]:
    """Errors of the log as troubles of a command, with the exit code that fits."""
    from service.databases import NoLog
    from service.moments import NotAMoment
    from service.settings import SettingsError

    try:
        yield
    except (NoLog, LogUnavailable) as error:
        raise NoDatabase(str(error)) from error
    except NotAMoment as error:
        raise Unusable(str(error)) from error
    except SettingsError as error:
        raise Unusable("; ".join(error.problems)) from error
    except BrokenPipeError:
        raise  # whoever reads us has seen enough; that is no trouble
    except (WaybillError, OSError) as error:
        raise Trouble(str(error)) from error


async def position_of(store: "EventStore", text: str | None) -> int:
    """The position that somebody named, or the head; raises what ``troubles_told`` tells."""
    from service.clock import system_clock
    from service.moments import parsed, place

    if text is None:
        return await store.head()
    return await place(parsed(text), store, now=system_clock())


async def then_of(store: "EventStore", text: str | None) -> tuple[int, int]:
    """The position that somebody named, and the time then, in microseconds; or both of now."""
    from service.clock import system_clock
    from service.moments import Time, parsed

    position = await position_of(store, text)
    if text is None:
        return position, system_clock()
    moment = parsed(text)
    if isinstance(moment, Time):
        return position, moment.microseconds
    last = await store.read_all(after=position - 1, limit=1) if position else []
    return position, last[0].recorded_at if last else 0


async def position_before(store: "EventStore", text: str | None) -> int:
    """The last position that does not belong to what begins then; the floor if nobody says when."""
    from service.moments import Position, parsed

    floor = await store.floor()
    if text is None:
        return floor
    moment = parsed(text)
    if isinstance(moment, Position):
        return max(floor, min(moment.number - 1, await store.head()))
    return await store.position_at(moment.microseconds - 1)


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, when somebody looks at it; it goes away at the end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=False,
    ) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.advance(task, done)
