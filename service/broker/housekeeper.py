"""Forgets what is old, now and then: contents, log, dead letters, deduplication names."""

import asyncio
import logging
from collections.abc import Callable

from service.broker.errors import StoreUnavailable
from service.broker.housekeeping import Horizons
from service.broker.retention import Retention
from service.broker.store import Store
from service.broker.timing import Wait

__all__ = ["forget_for_ever", "forget_once"]

log = logging.getLogger(__name__)

SECOND = 1_000_000
INTERVAL = 300.0
BREATH = 0.05
"""Seconds between two batches, so that deliveries get the disk in between."""


async def forget_for_ever(
    store: Store, *, clock: Callable[[], int], wait: Wait, retention: Retention
) -> None:
    """Runs until it is cancelled."""
    never = asyncio.Event()
    while True:
        more = False
        try:
            more = await forget_once(store, now=clock(), retention=retention)
        except StoreUnavailable as error:
            log.error("old messages could not be removed", extra={"error": str(error)})
        await wait(never, BREATH if more else INTERVAL)


async def forget_once(store: Store, *, now: int, retention: Retention) -> bool:
    """Forgets one batch; says whether there may be more."""
    return await store.forget(
        Horizons(
            content=now - retention.finished * SECOND,
            log=now - retention.log * SECOND,
            dead_letters=now - retention.dead_letters * SECOND,
            now=now,
        )
    )
