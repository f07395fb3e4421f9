"""Desks for workers, and the line of those who wait for one: first come, first served."""

import asyncio
from collections import deque
from contextlib import suppress

from service.processing.child import Child


class Desk:
    """A place for one worker. Workers come and go, as they fail or have done enough; it stays."""

    def __init__(self) -> None:
        self.child: Child | None = None

    def seat(self) -> Child | None:
        """Starts a new worker here; none if the machine refuses."""
        self.leave()
        with suppress(OSError):
            self.child = Child()
        return self.child

    def leave(self) -> Child | None:
        """The worker that was here, killed."""
        left, self.child = self.child, None
        if left is not None:
            left.kill()
            left.close()
        return left


class DeskLine:
    """Free desks, or people in line: never both. Closed, it sends everybody away with `None`."""

    def __init__(self) -> None:
        self._free: list[Desk] = []
        self._waiters: deque[asyncio.Future[Desk | None]] = deque()
        self._open = False

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def open(self, desks: list[Desk]) -> None:
        self._free = list(desks)
        self._open = True

    def close(self) -> list[Desk]:
        """The desks that were free."""
        self._open = False
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        free, self._free = self._free, []
        return free

    async def take(self) -> Desk | None:
        if not self._open:
            return None
        if self._free:
            return self._free.pop()  # the last one given back: its worker is warm
        waiter: asyncio.Future[Desk | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.cancelled() and (desk := waiter.result()) is not None:
                self.give_back(desk)  # handed over in the moment of the cancelling
            raise

    def give_back(self, desk: Desk) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(desk)
                return
        if self._open:
            self._free.append(desk)
