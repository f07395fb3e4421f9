"""All streams of this process: hears of changes once, tells everybody who listens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from events.errors import LogUnavailable
from events.wakeup import Wakeup
from projections.documents import Tracked
from projections.reads import Selection
from service.feed import frames
from service.feed.admission import Admission
from service.feed.client import Client, Subscription, Write
from service.feed.cursor import Cursor, checked_epoch
from service.feed.delivery import Delivery
from service.feed.frames import BusyReason
from service.feed.heartbeat import Heartbeat
from service.feed.limits import FeedLimits
from service.feed.listeners import Listeners
from service.feed.opening import Opener
from service.feed.polling import Answer, Polling
from service.feed.reader import Reader

log = logging.getLogger(__name__)

YIELD_EVERY = 256
"""Writes in a row, before somebody else may have the loop: some two milliseconds."""

IDLE = 1.0
"""After a second without a change the next one is told at once."""


class Hub:
    """Between the documents projection, which it follows, and the clients.

    ``hear`` belongs to the projection's runner, ``run`` to a task group, ``attend`` and ``poll`` to
    requests, ``drain`` to the server's end.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        epoch: str,
        limits: FeedLimits,
        clock: Callable[[], int],
        elapsed: Callable[[], float],
        jitter: Callable[[float, float], float],
    ) -> None:
        self.limits = limits
        self._epoch = checked_epoch(epoch)
        self._elapsed = elapsed
        self._jitter = jitter
        self._clients: Listeners[Client] = Listeners()
        self._open: set[Client] = set()
        self._pending: dict[str, Tracked] = {}
        self._overflowed = False
        self._heard = 0
        self._routed = 0
        self._routed_mark = ""
        self._news = Wakeup()
        self._tasks: asyncio.TaskGroup | None = None
        self._gone = asyncio.Event()
        self._admission = Admission(limits)
        self._opener = Opener(
            reader,
            epoch=epoch,
            replay=limits.replay,
            patience=limits.patience,
            news=lambda: self._news.wait_beyond(self._heard),
        )
        self._polling = Polling(self._opener, cap=limits.polls)
        self._delivery = Delivery(self._opener, limits=limits, clock=clock, elapsed=elapsed)
        self._heartbeat = Heartbeat(
            limits=limits,
            elapsed=elapsed,
            retry=lambda: self._between(limits.retry),
            push=self._push,
            beat=self._delivery.beat,
        )

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def waiting_polls(self) -> int:
        """How many long polls wait for something to happen."""
        return self._polling.waiting

    def hear(self, position: int, changed: Sequence[Tracked]) -> None:
        """The tables were folded up to ``position``; these are the documents that changed."""
        self._heard = position
        if self._open or self._polling.waiting:
            for tracked in changed:
                self._pending[tracked.document.id] = tracked
        if len(self._pending) > self.limits.waiting:
            # Too much to keep: everybody is caught up from the tables instead.
            self._pending.clear()
            self._overflowed = True
        self._news.announce(position)

    async def run(self) -> None:
        """Tell what was heard, for ever."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._beats(), name="feed-beats")
            await self._ticks()

    async def tick(self) -> None:
        """Tell everything heard until now."""
        pending, self._pending = self._pending, {}
        overflowed, self._overflowed = self._overflowed, False
        reached = self._heard
        changed = sorted(pending.values(), key=lambda one: one.position)
        touched = self._all_lag() if overflowed else await self._offered(changed)
        for tracked in changed:
            self._polling.changed(tracked)
        if overflowed:
            self._polling.release()
        for number, client in enumerate(touched, start=1):
            self._push(client)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        mark = await self.cursor_at(reached) if self._open else ""
        self._routed, self._routed_mark = reached, mark

    def refusal(self, address: str) -> BusyReason | None:
        """Why this address may not open a stream now; ``None`` if it may."""
        return self._admission.refusal(address)

    def busy(self, reason: BusyReason) -> bytes:
        """The message that refuses a stream."""
        return frames.busy(reason, self._between(self.limits.busy_retry))

    def retry_after(self) -> int:
        """Seconds after which one who was refused may come back."""
        return self._between(self.limits.busy_retry) // 1000

    async def attend(
        self, subscription: Subscription, write: Write, gone: Callable[[], Awaitable[None]]
    ) -> None:
        """Keep this stream until ``gone`` returns or the stream has ended."""
        client = self._client(subscription, write)
        client.task = asyncio.current_task()
        try:
            await self._start(client)
            await gone()
        except asyncio.CancelledError:
            if not client.evicted or client.task is None:
                raise
            client.task.uncancel()
        finally:
            client.closed = True
            self._unregister(client)

    async def nothing_left(self, subscription: Subscription) -> bool:
        """Whether the holder of this cursor knows that all its documents are final."""
        if subscription.cursor is None or not subscription.until_done:
            return False
        if not isinstance(await self._opener.judge(subscription.cursor), Cursor):
            return False
        opening = await self._opener.open(subscription.selection, subscription.cursor)
        return not (opening.changed or opening.states or opening.unfinished)

    async def poll(self, selection: Selection, have: str | None, *, wait: float) -> Answer:
        """What the holder of this cursor has missed; see ``Polling``."""
        return await self._polling.poll(
            selection, have, wait=0 if self._admission.draining else wait
        )

    async def cursor_at(self, position: int) -> str:
        """The cursor for whatever was read from the tables at this position."""
        return await self._opener.cursor_at(position)

    async def drain(self) -> None:
        """Say goodbye to everybody, a few at a time; new streams are asked to come back."""
        self._admission.draining = True
        self._polling.release()
        clients = list(self._open)
        spread = (500, 500 + max(4000, 2 * len(clients)))
        for number, client in enumerate(clients, start=1):
            client.farewell = frames.bye("restart", self._between(spread))
            self._push(client)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(self.limits.drain * YIELD_EVERY / len(clients))
        await self._all_gone(self.limits.drain)
        for client in list(self._open):
            client.evict()

    async def _start(self, client: Client) -> None:
        # Registered first, it holds what happens while the tables are read.
        self._register(client)
        try:
            opening = await self._opener.open(client.selection, client.subscription.cursor)
        except LogUnavailable as error:
            log.warning("feed stream refused", exc_info=error)
            client.farewell = self.busy("unavailable")
        else:
            await self._delivery.begin(client, opening, hello=self._hello(opening.position))
        await self._delivery.work_off(client)

    def _client(self, subscription: Subscription, write: Write) -> Client:
        now = self._elapsed()
        age = self.limits.max_age * self._jitter(0.8, 1.2)
        return Client(subscription, write, now=now, deadline=now + age, cap=self.limits.waiting)

    def _register(self, client: Client) -> None:
        self._clients.add(client)
        self._open.add(client)
        self._heartbeat.add(client)
        self._admission.enter(client.subscription.address)

    def _unregister(self, client: Client) -> None:
        if client not in self._open:
            return
        self._clients.discard(client)
        self._open.discard(client)
        self._heartbeat.discard(client)
        self._admission.leave(client.subscription.address)
        if not self._open:
            self._gone.set()

    def _hello(self, head: int) -> bytes:
        return frames.hello(
            epoch=self._epoch,
            head=head,
            beat=self.limits.beat,
            max_age=round(self.limits.max_age),
            retry=self._between(self.limits.retry),
        )

    def _between(self, bounds: tuple[int, int]) -> int:
        return round(self._jitter(*bounds))

    def _push(self, client: Client) -> None:
        if self._tasks is None:
            raise RuntimeError("the hub is not running; start Hub.run() in a task group first")
        self._delivery.push(client, self._tasks)

    def _all_lag(self) -> Iterable[Client]:
        for client in self._open:
            client.lagging = True
        return list(self._open)

    async def _offered(self, changed: Sequence[Tracked]) -> Iterable[Client]:
        wanted = [
            one for one in changed if self._clients.any_of(one.document.id, one.document.owner)
        ]
        touched: dict[Client, None] = {}
        for frame in await self._opener.frames(wanted):
            for client in self._clients.of(frame.document_id, frame.owner):
                client.offer(frame)
                touched[client] = None
        return touched

    async def _ticks(self) -> None:
        pause, told_at = 0.0, 0.0
        while True:
            await self._news.wait_beyond(self._routed)
            if self._heard <= self._routed:
                continue
            since = self._elapsed() - told_at
            if since < IDLE:
                await asyncio.sleep(max(0.0, pause - since))
            began = self._elapsed()
            await self._tick_or_lag()
            told_at = self._elapsed()
            shortest, longest = self.limits.tick
            pause = min(longest, max(shortest, 2 * (told_at - began)))

    async def _tick_or_lag(self) -> None:
        try:
            await self.tick()
        except LogUnavailable as error:
            log.warning("feed could not read the log", exc_info=error)
            self._overflowed = True
            await asyncio.sleep(IDLE)

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.pause)
            self._heartbeat.turn(self._routed, self._routed_mark)

    async def _all_gone(self, seconds: float) -> None:
        if not self._open:
            return
        self._gone.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return
