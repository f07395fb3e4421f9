"""Several engines on one file: each shows that it lives, and takes over from those that died.

An engine that starts alone, which a lock beside the file tells, takes over at once; otherwise when
a lease has stood still for PATIENCE looks. Time is counted in looks, never read from the clock.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from service.broker.errors import BrokerError
from service.broker.leases import Lease, PutBack, Seen
from service.broker.store import Store
from service.broker.timing import Wait

__all__ = ["BEAT", "PATIENCE", "Pulse", "Vigil"]

log = logging.getLogger(__name__)

SECOND = 1_000_000
BEAT = 5.0
"""Seconds between two looks."""
PATIENCE = 3
"""Looks after which a lease that stood still has ended."""


@dataclass(slots=True)
class Vigil:
    """How often in a row each lease of others was seen to stand still (pure)."""

    _seen: dict[Lease, int] = field(default_factory=dict)

    def ended(self, leases: Iterable[Lease]) -> frozenset[Lease]:
        """Notes a look; gives the leases that have ended."""
        self._seen = {lease: self._seen.get(lease, -1) + 1 for lease in leases}
        return frozenset(lease for lease, times in self._seen.items() if times >= PATIENCE)


class Pulse:
    """One engine's sign of life, and its look at the others."""

    def __init__(
        self,
        *,
        store: Store,
        name: str,
        clock: Callable[[], int],
        wait: Wait,
        held: Callable[[], frozenset[int]],
        seen: Callable[[Seen, frozenset[int]], None],
    ) -> None:
        self._store = store
        self._name = name
        self._clock = clock
        self._wait = wait
        self._held = held
        self._tell = seen
        self._vigil = Vigil()
        self._never = asyncio.Event()
        self._beaten = asyncio.Event()
        self._last = clock()

    async def begin(self) -> None:
        """Puts back what was in the hands of engines that have ended; looks round."""
        if self._store.alone:
            await self._store.put_back(PutBack(at=self._clock(), everything=True))
        await self._store.share()
        self._tell(await self._store.look(self._name), frozenset())

    async def beat_for_ever(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await self._wait(self._never, BEAT)
            try:
                await self._beat()
            except BrokerError as error:
                log.error("no sign of life could be given", extra={"error": str(error)})

    async def sound(self) -> None:
        """Waits, after a long standstill, until we know what is still in our hand."""
        while not 0 <= self._clock() - self._last < PATIENCE * BEAT * SECOND:
            await self._beaten.wait()

    async def end(self) -> None:
        """Lets others have what is left in our hand."""
        await self._store.put_back(PutBack(at=self._clock(), holder=self._name))

    async def _beat(self) -> None:
        now = self._clock()
        if now < self._last:
            seconds = BEAT + (self._last - now) / SECOND
            log.warning("the clock was set back; what waits for a time is late by %.0f s", seconds)
            await self._store.set_back(now)
        held = self._held()
        still = await self._store.renew(self._name) if held else held
        # What was settled meanwhile has left our hand by now.
        lost = (held - still) & self._held()
        seen = await self._store.look(self._name)
        ended = self._vigil.ended(seen.others)
        if ended:
            count = await self._store.put_back(PutBack(at=now, leases=ended))
            log.warning("messages of an engine that has ended are taken over: %d", count)
            seen = await self._store.look(self._name)
        self._tell(seen, lost)
        self._last = self._clock()
        self._beaten.set()
        self._beaten = asyncio.Event()
