"""The projections at work: the product's own, and those that the settings name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from events.database import Database
from events.sql import SqlEventStore
from projections import PROJECTIONS
from projections.building import SETTLE_SECONDS
from projections.catalog import Catalog
from projections.documents import NAME as DOCUMENTS
from projections.loading import load_projections
from projections.lookups import Lookups
from projections.queues import NAME as QUEUE_MINUTES
from projections.runner import Applied, Runner
from service.clock import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Projecting:
    """What keeps the tables, and what asks them."""

    runners: Mapping[str, Runner[Any]]
    failures: Mapping[str, str]
    """What is wrong with projections that the settings name and nobody can use."""
    catalog: Catalog
    lookups: Lookups
    own: frozenset[str]
    """Those that the settings name; whatever goes wrong with them stops nobody."""

    async def prepare(self) -> None:
        """See to it that there are tables to read, before the first question may come."""
        for name, runner in self.runners.items():
            try:
                await runner.prepare()
            except Exception:
                if name not in self.own:
                    raise
                # Its loop meets the same trouble, and /health tells of it.
                log.exception("a projection cannot be prepared", projection=name)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run for ever: each projection, and what makes its tables anew."""
        follow = {f"projection {name}": one.run for name, one in self.runners.items()}
        build = {f"rebuilding {name}": one.builder.run for name, one in self.runners.items()}
        return {**follow, **build}


def projecting(
    store: SqlEventStore,
    database: Database,
    *,
    clock: Clock,
    own: str,
    on_documents: Applied[Any] | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Projecting:
    """A runner for every projection; ``own`` names more of them, as ``module:Class``."""
    loaded = load_projections(own)
    for target, why in loaded.failures.items():
        log.error("a projection cannot be used", projection=target, why=why)

    def runner(projection: Any, *, aside: bool) -> Runner[Any]:
        return Runner(
            projection,
            store=store,
            database=database,
            log=store.wakeup,
            clock=clock,
            on_applied=on_documents if projection.name == DOCUMENTS else None,
            settle_seconds=settle_seconds,
            aside=aside,
        )

    runners = {one.name: runner(one, aside=False) for one in PROJECTIONS}
    # Nobody knows how long another's fold takes.
    runners |= {one.name: runner(one, aside=True) for one in loaded.projections}
    lookups = Lookups(database, runners[DOCUMENTS].applied, minutes=runners[QUEUE_MINUTES].applied)
    own_names = frozenset(one.name for one in loaded.projections)
    return Projecting(runners, loaded.failures, Catalog(database, runners), lookups, own_names)
