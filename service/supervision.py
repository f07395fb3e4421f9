"""Loops that outlive their troubles, and end when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from events.errors import LogUnavailable

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
LONGEST_OUTAGE_PAUSE = 2.0
"""A database that cannot be reached is asked often, so that everything goes on when it is back."""


async def keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` again whenever it fails, after a pause that grows while it keeps failing.

    A full disk or a database that went away must not take the service with it; whatever the loop
    does, it begins from what is stored.
    """
    pause = FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
        except Exception as error:
            outage = outage_of(error)
            if outage is not None:
                pause = min(pause, LONGEST_OUTAGE_PAUSE)
                log.warning("a loop waits for the database", loop=name, error=str(outage))
            else:
                log.exception("a loop failed and is started again", loop=name, pause_s=pause)
        if loop.time() - began > LONGEST_PAUSE:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def outage_of(error: BaseException) -> LogUnavailable | None:
    """The outage that this is, or that everybody in a group of tasks met; nothing else with it."""
    if isinstance(error, BaseExceptionGroup):
        outages = [outage_of(one) for one in error.exceptions]
        return outages[0] if None not in outages else None
    return error if isinstance(error, LogUnavailable) else None


@asynccontextmanager
async def background(
    loops: dict[str, Callable[[], Awaitable[None]]],
) -> AsyncIterator[asyncio.TaskGroup]:
    """Keep these loops running as long as the context is open."""
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(keep_running(name, work), name=name) for name, work in loops.items()
        ]
        try:
            yield tasks
        finally:
            for task in running:
                task.cancel()
