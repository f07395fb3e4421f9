"""The head of the log, told to the world: a chain proves nothing without an anchor kept elsewhere.

Whoever writes an event of the past anew has to write every chain value after it anew too. A head
that was noted down before then no longer fits, and ``waybill verify --anchor`` says so.
"""

import asyncio

import msgspec
import structlog

from events.chain import GENESIS
from events.store import EventStore

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3600.0


class LogHead(msgspec.Struct, frozen=True, kw_only=True):
    """The last event: where it is, when it was recorded (microseconds), what the chain is there."""

    position: int
    recorded_at: int | None
    chain: bytes
    epoch: str


async def log_head(store: EventStore) -> LogHead:
    """The head as it is now; raises ``LogUnavailable``."""
    epoch = await store.epoch()
    position = await store.head()
    last = await store.read_all(after=position - 1, limit=1) if position else []
    if not last:
        return LogHead(position=0, recorded_at=None, chain=GENESIS, epoch=epoch)
    [event] = last
    return LogHead(
        position=event.position, recorded_at=event.recorded_at, chain=event.chain, epoch=epoch
    )


class HeadPublisher:
    """Writes the head into the service's log at the start, and every hour from then on."""

    def __init__(self, store: EventStore, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._store = store
        self._every = every_seconds

    async def run(self) -> None:
        """Tell it for ever."""
        while True:
            head = await log_head(self._store)
            log.info(
                "the head of the log",
                position=head.position,
                chain=head.chain.hex(),
                epoch=head.epoch,
            )
            await asyncio.sleep(self._every)
