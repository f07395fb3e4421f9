"""What nodes on one database have to do with each other: hints, and one of them that dispatches.

With SQLite there is one process, and nothing of this.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from events.database import Database
from events.hints import Hints
from events.leases import Lease
from events.sql import SqlEventStore
from projections.lookups import Lookups
from service.clock import system_clock
from service.dispatcher import Dispatcher
from service.settings import Settings

log = structlog.get_logger(__name__)

Loop = Callable[[], Awaitable[None]]


def hints_of(settings: Settings, store: SqlEventStore) -> dict[str, Loop]:
    """Each node tells the others how far the log reaches."""
    if settings.database_url is None:
        return {}
    return {"hints": Hints(settings.database_url, store.wakeup, log.warning).run}


def lease_of(settings: Settings, database: Database, node: str) -> Lease | None:
    """One node dispatches at a time: two would publish each document twice, to no harm."""
    if settings.database_url is None:
        return None
    return Lease("dispatcher", database, holder=node, clock=system_clock)


def dispatching(
    dispatcher: Dispatcher, lookups: Lookups, store: SqlEventStore, *, lease: Lease | None
) -> Loop:
    """The dispatcher's loop; it begins anew from the tables each time.

    Without a lease we are the only node, and what an earlier process began was interrupted.
    """
    first = True

    async def dispatch() -> None:
        nonlocal first
        # The tables first tell of everything that an earlier process has left behind.
        head = await store.head()
        while not await lookups.reach(head):
            log.info("the documents' table is catching up", with_position=head)
        position, unfinished = await lookups.unfinished()
        alone, first = first and lease is None, False
        await dispatcher.run(unfinished, after=position, alone=alone)

    return dispatch if lease is None else partial(lease.while_held, dispatch)
