"""The delivery engine: claim what is due, send, judge the answer, record.

A claim is not worth a flush to disk of its own: after a crash, whatever was claimed is due again,
so a destination may see it twice. An outcome is durable before its worker takes the next message.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from service.broker.arrivals import Arrived
from service.broker.client import Sender
from service.broker.deliveries import Claim, Claimed, Settling
from service.broker.errors import StoreUnavailable
from service.broker.message import Message, Place
from service.broker.outcome import Answer, NoAnswer
from service.broker.settlement import Settlement, dropped, settle
from service.broker.signing import delivery_headers, sign
from service.broker.store import Store
from service.broker.timing import Wait
from service.broker.window import Reservation, Window

__all__ = ["Engine", "Limits"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

SECOND = 1_000_000
LONGEST_SLEEP = 30.0
"""Seconds after which the engine looks again, so that a changed clock is noticed."""
STORE_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the engine; times in seconds."""

    concurrency: int = 64
    timeout: float = 900.0
    shutdown: float = 5.0

    @property
    def window(self) -> int:
        """Messages in memory: enough that workers never wait for a claim."""
        return max(256, 4 * self.concurrency)


class Engine:
    """Delivers until it is stopped. One event loop, `concurrency` attempts at once."""

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        signing_key: Callable[[], str],
        clock: Callable[[], int],
        new_id: Callable[[], str],
        wait: Wait,
        limits: Limits,
    ) -> None:
        self._store = store
        self._sender = sender
        self._signing_key = signing_key
        self._clock = clock
        self._new_id = new_id
        self._wait = wait
        self._limits = limits
        self._window = Window(limits.window)
        # Bounded by the window; the end of each worker is one None behind the messages.
        self._ready: asyncio.Queue[Message | None] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._never = asyncio.Event()
        self._cancelled: set[str] = set()
        self._stopping = False
        self._under_way = 0
        self._last_dead_letter = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Puts back what was in flight when the broker last ended, then delivers."""
        for message in await self._store.recover():
            self._window.parked(message)
        self._window.notice(0)
        self._tasks = [tasks.create_task(self._work()) for _ in range(self._limits.concurrency)]
        self._claimer = tasks.create_task(self._claim_until_stopped())

    async def stop(self) -> None:
        """Claims no more, gives the attempts in flight some time, leaves the rest to the start."""
        self._stopping = True
        self._wake.set()
        for _ in self._tasks:
            self._ready.put_nowait(None)
        _, late = await asyncio.wait(self._tasks, timeout=self._limits.shutdown)
        for task in (*late, self._claimer):
            task.cancel()

    @property
    def most_at_once(self) -> int:
        """How many attempts may be under way at once."""
        return self._limits.concurrency

    @property
    def under_way(self) -> int:
        """How many attempts are under way."""
        return self._under_way

    def look(self) -> None:
        """Tells that something was changed that may let messages go."""
        self._wake.set()

    def admit(self, message: Message) -> Place:
        """Where a new message is to lie; follow it with `arrived` or `withdraw`."""
        return self._window.admit(message, self._clock())

    def withdraw(self, message: Message, place: Place) -> None:
        """Tells that an admitted message was not kept."""
        self._window.withdraw(message, place)

    def arrived(self, arrivals: Sequence[Arrived]) -> None:
        """Tells that admitted messages are kept, under the places they were given."""
        for arrival in arrivals:
            if arrival.duplicate_of is not None:
                self._window.withdraw(arrival.message, arrival.place)
            elif arrival.place is Place.CLAIMED:
                self._window.enter(arrival.message)
                self._ready.put_nowait(arrival.message)
            elif arrival.place is Place.PARKED:
                self._window.parked(arrival.message)
                self._wake.set()
            elif self._window.notice(arrival.message.due_at):
                self._wake.set()

    def cancel(self, ids: frozenset[str]) -> None:
        """Tells that messages in hand were cancelled: an attempt not yet begun will not be."""
        self._cancelled |= self._window.holds(ids)

    async def _claim_until_stopped(self) -> None:
        while not self._stopping:
            self._wake.clear()
            now = self._clock()
            reservation = self._window.reserve(now)
            if reservation is None:
                await self._wait(self._wake, self._seconds_to_next(now))
                continue
            try:
                await self._claim(reservation)
            except Exception:  # the last guard: without this loop nothing is delivered any more
                log.exception("messages could not be claimed")
                await self._wait(self._never, STORE_PAUSE)

    def _seconds_to_next(self, now: int) -> float:
        due_at = self._window.next_due
        # Due already, at the moment of the reservation that came to nothing, means that there is no
        # room: a worker that finishes wakes us.
        if due_at is None or due_at <= now:
            return LONGEST_SLEEP
        return min(LONGEST_SLEEP, (due_at - now) / SECOND)

    async def _claim(self, reservation: Reservation) -> None:
        wanted = Claim(now=self._clock(), room=reservation.due, free=reservation.free)
        claimed = await self._insist(lambda: self._store.claim(wanted))
        window = self._window
        window.return_unused(reservation, claimed.parked)
        window.give_room_back(reservation.due - len(claimed.due))
        window.nothing_parked(claimed.emptied)
        window.notice(claimed.next_due_at)
        for message in claimed.parked:
            window.enter(message)
            self._ready.put_nowait(message)
        await self._take_due(claimed)

    async def _take_due(self, claimed: Claimed) -> None:
        without_slot: list[Message] = []
        for message in claimed.due:
            if self._window.enter_due(message):
                self._ready.put_nowait(message)
            else:
                without_slot.append(message)
        if without_slot:
            numbers = [message.sequence for message in without_slot]
            await self._insist(lambda: self._store.park(numbers))
            for message in without_slot:
                self._window.parked(message)
            self._wake.set()

    async def _work(self) -> None:
        while (message := await self._ready.get()) is not None and not self._stopping:
            try:
                await self._deliver(message)
            except Exception:  # the last guard: a worker must outlive any one message
                log.exception(
                    "a message is left to the next start", extra={"message_id": message.id}
                )
            finally:
                if self._window.leaves_room_for_others(message, self._clock()):
                    self._wake.set()
                self._cancelled.discard(message.id)
                self._window.leave(message)

    async def _deliver(self, message: Message) -> None:
        started_at = self._clock()
        if message.id in self._cancelled:
            await self._record(dropped(message, at=started_at))
            return
        answer = await self._attempt(message, started_at)
        ended_at = self._clock()
        settlement = settle(
            message,
            answer,
            started_at=started_at,
            ended_at=ended_at,
            dead_letter_id=self._dead_letter_id(ended_at),
            new_id=self._new_id,
        )
        await self._record(settlement)

    async def _attempt(self, message: Message, at: int) -> Answer | NoAnswer:
        self._under_way += 1
        try:
            signature = sign(message, key=self._signing_key(), at=at)
            return await self._sender.send(
                method=message.options.method,
                url=message.url,
                headers=delivery_headers(message, signature),
                body=message.body,
                seconds=min(self._limits.timeout, message.options.timeout or self._limits.timeout),
            )
        except Exception as error:  # a surprise must cost one attempt, not a worker
            log.exception("an attempt could not be made", extra={"message_id": message.id})
            return NoAnswer(reason=f"the broker could not make the request: {error}"[:1000])
        finally:
            self._under_way -= 1

    async def _record(self, settlement: Settlement) -> None:
        places = tuple(self.admit(message) for message in settlement.callbacks)
        settling = Settling(settlement=settlement, places=places)
        settled = await self._insist(lambda: self._store.settle(settling))
        if settled.settlement.place is Place.WAITING:
            self._window.notice(settled.settlement.due_at)
            self._wake.set()
        kept = {message.id: message for message in settled.callbacks}
        for callback, place in zip(settlement.callbacks, places, strict=True):
            if callback.id in kept:
                self.arrived([Arrived(message=kept[callback.id], place=place)])
            else:
                self.withdraw(callback, place)

    async def _insist(self, write: Callable[[], Awaitable[Result]]) -> Result:
        # Whoever writes stays here: deliveries must not go on while nothing can be recorded.
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                log.error("the store refuses, delivery waits", extra={"error": str(error)})
                if self._stopping:
                    raise
                await self._wait(self._never, STORE_PAUSE)

    def _dead_letter_id(self, at: int) -> int:
        self._last_dead_letter = max(self._last_dead_letter + 1, at // 1000 * 1000)
        return self._last_dead_letter
