"""How the running service is, as its rooms know it: for /health, /metrics and ``doctor``."""

from collections.abc import Mapping

from events.wakeup import Wakeup
from projections.runner import Runner
from service.dispatcher import Dispatcher
from service.feed.hub import Hub
from service.metrics import Metrics
from service.processing.pool import Pool

LAG_LIMIT = 10_000
"""Events that a projection may be behind before it counts as a trouble."""


class Vitals:
    """Looks into the rooms when asked, and keeps nothing of its own but ``stopping``."""

    def __init__(
        self,
        *,
        version: str,
        broker: str,
        log: Wakeup,
        runners: Mapping[str, Runner[object]],
        dispatcher: Dispatcher,
        pool: Pool,
        hub: Hub,
        metrics: Metrics,
    ) -> None:
        self.version = version
        self.broker = broker
        self.stopping = False
        self._log = log
        self._runners = runners
        self._dispatcher = dispatcher
        self._pool = pool
        self._hub = hub
        self._metrics = metrics

    def troubles(self) -> list[str]:
        """What an operator should look at, in sentences."""
        found = []
        if self._dispatcher.silent is not None:
            found.append(f"QStash does not answer: {self._dispatcher.silent.message}")
        for name, position in self.projected().items():
            if self._log.head - position > LAG_LIMIT:
                found.append(f"The projection {name} is {self._log.head - position} events behind.")
        return found

    def projected(self) -> dict[str, int]:
        """How far each projection has read the log."""
        return {name: runner.position for name, runner in self._runners.items()}

    def measure(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.log_head.set(self._log.head)
        self._metrics.feed_clients.set(self._hub.streams)
        self._metrics.pool_busy.set(self._pool.size - self._pool.free)
        self._metrics.pool_waiting.set(self._pool.waiting)
        for name, position in self.projected().items():
            self._metrics.projection_lag.labels(name).set(max(0, self._log.head - position))
