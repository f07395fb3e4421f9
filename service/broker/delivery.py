"""The delivery engine: claim what is due, send, judge the answer, record.

A claim is not worth a flush to disk of its own: after a crash, whatever was claimed is due again,
so a destination may see it twice. An outcome is durable before its worker takes the next message.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from service.broker.arrivals import Arrived
from service.broker.attempt import Attempt
from service.broker.claimer import Claimer
from service.broker.client import Sender
from service.broker.errors import StoreUnavailable
from service.broker.insisting import Insistent
from service.broker.leases import Seen
from service.broker.limits import Limits
from service.broker.line import Line
from service.broker.message import Message, Place
from service.broker.pulse import Pulse
from service.broker.settlement import Settlement, dropped, settle
from service.broker.settling import Settling
from service.broker.store import Store
from service.broker.timing import Wait
from service.broker.window import Window

__all__ = ["Engine"]

log = logging.getLogger(__name__)


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
        kept: Callable[[int], None] | None = None,
    ) -> None:
        """`kept` is told how many messages were kept, whoever made them."""
        self.name = new_id()
        """Under which the store knows what this engine has in hand."""
        self._store = store
        self._attempt = Attempt(sender=sender, signing_key=signing_key, timeout=limits.timeout)
        self._clock = clock
        self._new_id = new_id
        self._limits = limits
        self._kept = kept
        self._window = Window(limits.window)
        self._line = Line(total=limits.concurrency, each=limits.destination)
        self._pulse = Pulse(
            store=store,
            name=self.name,
            clock=clock,
            wait=wait,
            held=lambda: self._window.held,
            seen=self._seen,
        )
        self._insistent = Insistent(wait)
        self._claimer = Claimer(
            name=self.name,
            store=store,
            insistent=self._insistent,
            window=self._window,
            line=self._line,
            clock=clock,
            wait=wait,
            send_more=self._send_more,
        )
        self._wake = self._claimer.wake
        self._cancelled: set[str] = set()
        self._lost: set[int] = set()
        self._stopping = False
        self._last_dead_letter = 0
        self._attempts: set[asyncio.Task[None]] = set()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Puts back what was in flight when the broker last ended, then delivers."""
        await self._pulse.begin()
        self._tasks = tasks
        self._claiming = tasks.create_task(self._claimer.claim_until_stopped())
        self._heart = tasks.create_task(self._pulse.beat_for_ever())

    async def stop(self) -> None:
        """Claims no more, gives the attempts in flight some time, leaves the rest to others."""
        self._stopping = True
        self._insistent.stop()
        self._claimer.stop()
        ending = {*self._attempts, self._claiming}
        _, late = await asyncio.wait(ending, timeout=self._limits.shutdown)
        for task in (*late, self._heart):
            task.cancel()
        await asyncio.wait((*late, self._heart))
        try:
            await self._pulse.end()
        except StoreUnavailable as error:
            log.error("what was in hand is left to the next start", extra={"error": str(error)})

    @property
    def most_at_once(self) -> int:
        """How many attempts may be under way at once."""
        return self._limits.concurrency

    @property
    def under_way(self) -> int:
        """How many attempts are under way."""
        return self._line.under_way

    def look(self) -> None:
        """Tells that queues or keys were changed, or that one of theirs was cancelled."""
        self._window.lanes_at = 0
        self._wake.set()

    def admit(self, message: Message) -> Place:
        """Where a new message is to lie; follow it with `arrived` or `withdraw`."""
        place = self._window.admit(message, self._clock())
        if place in (Place.QUEUED, Place.PARKED):
            # The claim joins the commit of the message itself.
            self._wake.set()
        return place

    def withdraw(self, message: Message, place: Place) -> None:
        """Tells that an admitted message was not kept."""
        self._window.withdraw(message, place)

    def arrived(self, arrivals: Sequence[Arrived]) -> None:
        """Tells that admitted messages are kept, under the places they were given."""
        if self._kept is not None:
            self._kept(sum(arrival.duplicate_of is None for arrival in arrivals))
        for arrival in arrivals:
            if arrival.duplicate_of is not None:
                self._window.withdraw(arrival.message, arrival.place)
            elif arrival.place is Place.CLAIMED:
                self._window.enter(arrival.message)
                self._line.put(arrival.message)
            elif arrival.place is Place.ASIDE:
                self._window.aside(arrival.message)
                self._wake.set()
            elif arrival.place in (Place.QUEUED, Place.PARKED):
                self.look()
            elif self._window.notice(arrival.message.due_at):
                self._wake.set()
        self._send_more()

    def cancel(self, ids: frozenset[str]) -> None:
        """Tells that messages were cancelled: an attempt not yet begun will not be."""
        self._cancelled |= self._window.holds(ids)
        self.look()

    def _seen(self, seen: Seen, lost: frozenset[int]) -> None:
        self._lost |= lost
        self._window.leave_nothing_out(seen.hosts_aside)
        self._window.notice(seen.next_due_at)
        self._window.notice_lanes(seen.lanes_at)
        self._wake.set()

    def _send_more(self) -> None:
        while not self._stopping and (message := self._line.take()) is not None:
            task = self._tasks.create_task(self._work(message))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    async def _work(self, first: Message) -> None:
        message: Message | None = first
        while message is not None:
            try:
                await self._deliver(message)
            except Exception:  # the last guard: a worker must outlive any one message
                log.exception(
                    "a message is left to the next start", extra={"message_id": message.id}
                )
            finally:
                self._leave(message)
            message = None if self._stopping else self._line.take()
        self._send_more()

    def _leave(self, message: Message) -> None:
        self._line.done(message)
        self._cancelled.discard(message.id)
        self._lost.discard(message.sequence)
        self._window.leave(message)
        if self._window.wants_more(self._clock(), starving=self._line.starving):
            self._wake.set()

    async def _deliver(self, message: Message) -> None:
        await self._pulse.sound()
        started_at = self._clock()
        if message.sequence in self._lost:
            return
        if message.id in self._cancelled:
            await self._record(dropped(message, at=started_at))
            return
        if message.start_by is not None and started_at >= message.start_by:
            # It was let go in a period that is over, and counts for the one that runs.
            await self._insistent(lambda: self._store.lay_aside([message]))
            self.look()
            return
        answer = await self._attempt(message, started_at)
        ended_at = self._clock()
        recorded = False
        while not recorded:
            settlement = settle(
                message,
                answer,
                started_at=started_at,
                ended_at=ended_at,
                dead_letter_id=self._dead_letter_id(ended_at),
                new_id=self._new_id,
            )
            recorded = await self._record(settlement)

    async def _record(self, settlement: Settlement) -> bool:
        """Has it written down; ``False`` if it needs another id for its dead letter."""
        message = settlement.message
        places = tuple(self.admit(callback) for callback in settlement.callbacks)
        settling = Settling(settlement=settlement, holder=self.name, places=places)
        in_lane = message.turn_of is not None or message.options.flow is not None
        if in_lane:
            # The claim of what follows it joins the commit of its outcome.
            self.look()
        settled = await self._insistent(lambda: self._store.settle(settling))
        if settled.settlement is None and not settled.taken:
            log.warning("another engine took a message over", extra={"message_id": message.id})
        elif (
            settled.settlement is not None
            and settled.settlement.place is Place.WAITING
            and self._window.notice(settled.settlement.due_at)
        ):
            self._wake.set()
        if in_lane:
            self.look()
        kept = {callback.id: callback for callback in settled.callbacks}
        for callback, place in zip(settlement.callbacks, places, strict=True):
            if callback.id in kept:
                self.arrived([Arrived(message=kept[callback.id], place=place)])
            else:
                self.withdraw(callback, place)
        return not settled.taken

    def _dead_letter_id(self, at: int) -> int:
        self._last_dead_letter = max(self._last_dead_letter + 1, at // 1000 * 1000)
        return self._last_dead_letter
