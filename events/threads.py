"""Work in a thread that is never left half done behind the back of whoever waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(threads: Executor, work: Callable[[], T]) -> T:
    """What the work returns; comes back only when it is done, even when cancelled before.

    Work that has not begun when its caller is cancelled is not done at all. Through
    ``asyncio.shield`` the caller would hear of the end one turn of the event loop later, which
    under load is a millisecond.
    """
    job = threads.submit(work)
    try:
        return await asyncio.wrap_future(job)
    except asyncio.CancelledError:
        while not job.done():
            ending = asyncio.wrap_future(job)
            ending.add_done_callback(_seen)
            with suppress(asyncio.CancelledError):
                await asyncio.wait({ending})
        raise


def _seen(ending: "asyncio.Future[T]") -> None:
    """Nobody waits for the outcome any more, so an error is not complained of as overlooked."""
    if not ending.cancelled():
        ending.exception()
