"""Catch up, then wait: the one way anybody reads the log forward."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from events.store import PAGE, EventStore, Recorded
from events.wakeup import POLL_SECONDS, Wakeup


class Gap(AssertionError):
    """A position is missing: the log is damaged, or the store breaks its promise."""


async def follow(
    store: EventStore, *, after: int, wakeup: Wakeup, limit: int = PAGE
) -> AsyncIterator[list[Recorded]]:
    """Pages of events behind ``after``, in order and without a gap, for ever."""
    told = after
    while True:
        page = await store.read_all(after=after, limit=limit)
        if not page:
            if wakeup.head > after and wakeup.head == told:
                # There is less than we were told of: a standby was promoted that lacked the end.
                await asyncio.sleep(POLL_SECONDS)
            told = wakeup.head
            await wakeup.wait_beyond(after)
            continue
        check_dense(page, after=after)
        yield page
        after = page[-1].position


def check_dense(page: Sequence[Recorded], *, after: int) -> None:
    """Raise ``Gap`` unless this page follows on ``after``."""
    for expected, event in enumerate(page, start=after + 1):
        if event.position != expected:
            raise Gap(f"the log goes from position {expected - 1} to {event.position}")
