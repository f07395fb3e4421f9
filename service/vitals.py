"""How the running service is, as its rooms know it: for /health, /metrics and ``doctor``."""

from collections.abc import Sequence
from typing import Protocol

from events.wakeup import Wakeup
from projections.runner import Condition
from projections.views import instant
from service.dispatcher import Dispatcher
from service.feed.hub import Hub
from service.metrics import Metrics
from service.processing.pool import Pool
from service.projecting import Projecting

LAG_LIMIT = 10_000
"""Events that a projection may be behind before it counts as a trouble."""


class Kept(Protocol):
    """A database that can say what is wrong with it."""

    @property
    def trouble(self) -> str | None:
        """What an operator should know, in a sentence."""
        ...


class Vitals:
    """Looks into the rooms when asked, and keeps nothing of its own but ``stopping``."""

    def __init__(
        self,
        *,
        version: str,
        broker: str,
        log: Wakeup,
        databases: Sequence[Kept],
        projecting: Projecting,
        dispatcher: Dispatcher,
        pool: Pool,
        hub: Hub,
        metrics: Metrics,
    ) -> None:
        self.version = version
        self.broker = broker
        self.stopping = False
        self._log = log
        self._databases = databases
        self._runners = projecting.runners
        self._failures = projecting.failures
        self._dispatcher = dispatcher
        self._pool = pool
        self._hub = hub
        self._metrics = metrics

    def troubles(self) -> list[str]:
        """What an operator should look at, in sentences."""
        found = [each.trouble for each in self._databases if each.trouble is not None]
        if self._dispatcher.silent is not None:
            found.append(f"QStash does not answer: {self._dispatcher.silent.message}")
        for target, why in self._failures.items():
            found.append(f"The projection {target} cannot be used: {why}.")
        for runner in self._runners.values():
            found += wrong_with(runner.condition(), head=self._log.head)
        return found

    def conditions(self) -> list[Condition]:
        """How each projection is."""
        return [runner.condition() for runner in self._runners.values()]

    def projected(self) -> dict[str, int]:
        """How far each projection has read the log."""
        return {name: runner.position for name, runner in self._runners.items()}

    def measure(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.log_head.set(self._log.head)
        self._metrics.feed_clients.set(self._hub.streams)
        self._metrics.pool_busy.set(self._pool.size - self._pool.free)
        self._metrics.pool_waiting.set(self._pool.waiting)
        for each in self.conditions():
            lag = max(0, self._log.head - each.position)
            self._metrics.projection_lag.labels(each.name).set(lag)
            self._metrics.projection_set_aside.labels(each.name).set(len(each.set_aside))
            self._metrics.projection_stopped.labels(each.name).set(each.stopped is not None)


def wrong_with(projection: Condition, *, head: int) -> list[str]:
    """What an operator should know of this projection, in sentences."""
    name, again = projection.name, f"`waybill rebuild {projection.name}`"
    found = []
    if projection.failing is not None:
        found.append(f"The projection {name} does not work: {projection.failing}.")
    if projection.stopped is not None:
        since = instant(projection.stopped.recorded_at)
        found.append(
            f"The projection {name} stands still since {since}, before position "
            f"{projection.stopped.position}: {projection.stopped.error}. What it tells is older "
            f"than that; correct its fold, then {again}."
        )
    elif projection.building is None and head - projection.position > LAG_LIMIT:
        found.append(f"The projection {name} is {head - projection.position} events behind.")
    if projection.set_aside:
        key, (position, error) = next(iter(projection.set_aside.items()))
        found.append(
            f"The projection {name} has set {len(projection.set_aside)} of its rows aside, first "
            f"{key} at position {position}: {error}. These rows are stale; correct its fold, then "
            f"{again}."
        )
    if projection.unreadable is not None:
        found.append(
            f"The projection {name} needs a rebuild: it left out events from position "
            f"{projection.unreadable} on, which this version cannot read. Run the version that "
            f"wrote them, or {again} once they can be read."
        )
    if projection.failed is not None:
        found.append(f"A rebuild of the projection {name} was given up: {projection.failed}.")
    return found
