"""The claiming half of the engine: fetches from the store what there is room for."""

import asyncio
import logging
from collections.abc import Callable

from service.broker.claims import Claim, Claimed
from service.broker.insisting import STORE_PAUSE, Insistent
from service.broker.line import Line
from service.broker.message import Message
from service.broker.store import Store
from service.broker.timing import Wait
from service.broker.window import Reservation, Window

__all__ = ["Claimer"]

log = logging.getLogger(__name__)

SECOND = 1_000_000
LONGEST_SLEEP = 30.0
"""Seconds after which the engine looks again, so that a changed clock is noticed."""


class Claimer:
    """Claims whenever the window has room for something the store may have.

    Whoever changes the window sets `wake`; `send_more` is told of messages in line.
    """

    def __init__(
        self,
        *,
        name: str,
        store: Store,
        insistent: Insistent,
        window: Window,
        line: Line,
        clock: Callable[[], int],
        wait: Wait,
        send_more: Callable[[], None],
    ) -> None:
        self._name = name
        self._store = store
        self._insistent = insistent
        self._window = window
        self._line = line
        self._clock = clock
        self._wait = wait
        self._send_more = send_more
        self._never = asyncio.Event()
        self._stopping = False
        self.wake = asyncio.Event()

    def stop(self) -> None:
        """Claims no more."""
        self._stopping = True
        self.wake.set()

    async def claim_until_stopped(self) -> None:
        while not self._stopping:
            self.wake.clear()
            now = self._clock()
            reservation = self._window.reserve(now, starving=self._line.starving)
            if reservation is None:
                await self._wait(self.wake, self._seconds_to_next(now))
                continue
            try:
                await self._claim(reservation)
            except Exception:  # the last guard: without this loop nothing is delivered any more
                log.exception("messages could not be claimed")
                await self._wait(self._never, STORE_PAUSE)

    def _seconds_to_next(self, now: int) -> float:
        at = self._window.next_look()
        # Due already, at the moment of the reservation that came to nothing, means that there is no
        # room: a worker that finishes wakes us.
        if at is None or at <= now:
            return LONGEST_SLEEP
        return min(LONGEST_SLEEP, (at - now) / SECOND)

    async def _claim(self, reservation: Reservation) -> None:
        wanted = Claim(
            now=self._clock(),
            holder=self._name,
            due=reservation.due,
            lanes=reservation.lanes,
            aside=reservation.aside,
        )
        window = self._window
        try:
            claimed = await self._insistent(lambda: self._store.claim(wanted))
        finally:
            window.release(reservation)
        window.nothing_aside(claimed.emptied)
        window.notice(claimed.next_due_at)
        window.lanes_at = claimed.lanes_at
        for message in claimed.others:
            window.take(message)
            self._line.put(message)
        if claimed.crowded:
            window.crowded()
        await self._take_due(claimed)
        self._send_more()

    async def _take_due(self, claimed: Claimed) -> None:
        without_share: list[Message] = []
        for message in claimed.due:
            if self._window.take_due(message):
                self._line.put(message)
            else:
                self._window.aside(message)
                without_share.append(message)
        self._send_more()
        if without_share:
            await self._insistent(lambda: self._store.lay_aside(without_share))
            for message in without_share:
                self._window.aside(message)
