"""Group commit: waiting appends share one durable commit, each with its own outcome.

While one commit is under way the next appends gather; there is no timer, so a lone append is not
delayed. An append that was staged is committed even if its caller went away: a cancelled request
never stops the writer and never touches a neighbour.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from events.errors import LogUnavailable, Overloaded, WaybillError
from events.heads import Outcome
from events.intake import Admitted
from events.store import Appended

MAX_WAITING = 4096
MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_APPENDS = 256
MAX_EVENTS = 1000
MAX_BYTES = 1024 * 1024
"""One commit holds no more than these three, unless a single append does."""

Commit = Callable[[Sequence[Admitted]], Awaitable[Sequence[Outcome]]]
"""Writes a batch durably and all at once; raises if nothing of it was written."""

_Waiting = tuple[Admitted, "asyncio.Future[Appended]"]


class GroupCommit:
    """The queue in front of the one writer."""

    def __init__(self, commit: Commit, on_commit: Callable[[Sequence[Appended]], None]) -> None:
        """``on_commit`` hears what became durable, in order, before those who wait for it."""
        self._commit = commit
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False

    def submit(self, append: Admitted) -> "asyncio.Future[Appended]":
        """This append's own outcome; raises ``Overloaded`` or ``LogUnavailable`` at once."""
        if self._closing:
            raise LogUnavailable("the log is being closed; try again")
        if len(self._waiting) >= MAX_WAITING or self._bytes + append.size > MAX_WAITING_BYTES:
            raise Overloaded(len(self._waiting))
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, future))
        self._bytes += append.size
        self._arrived.set()
        return future

    def close(self) -> None:
        """Let ``run`` return once everything that waits is written."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        """Write batch after batch until closed."""
        while self._waiting or not self._closing:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._write(self._take())

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        events = size = 0
        while self._waiting and len(batch) < MAX_APPENDS:
            append, future = self._waiting[0]
            events += len(append.events)
            size += append.size
            if batch and (events > MAX_EVENTS or size > MAX_BYTES):
                break
            self._waiting.popleft()
            self._bytes -= append.size
            if future.cancelled():
                events -= len(append.events)
                size -= append.size
                continue
            batch.append((append, future))
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            outcomes = await self._outcomes([append for append, _ in batch])
        except LogUnavailable as error:
            for _, future in batch:
                _fail(future, error)
        except Exception as error:
            await self._write_one_by_one(batch, error)
        else:
            self._resolve(batch, outcomes)

    async def _outcomes(self, appends: Sequence[Admitted]) -> Sequence[Outcome]:
        try:
            return await self._commit(appends)
        except LogUnavailable as error:
            if not error.outcome_unknown:
                raise
            unknown = error
        # The commit may have happened. The same ids again tell, and nothing is stored twice.
        try:
            return await self._commit(appends)
        except LogUnavailable:
            raise unknown from None

    async def _write_one_by_one(self, batch: list[_Waiting], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch[0][1], error)
            return
        # The batch failed as a whole: find out whose fault it was without punishing the others.
        for one in batch:
            await self._write([one])

    def _resolve(self, batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._on_commit([outcome for outcome in outcomes if isinstance(outcome, Appended)])
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Appended):
                _fail(future, outcome)
            elif not future.done():
                future.set_result(outcome)


def _fail(future: "asyncio.Future[Appended]", error: Exception) -> None:
    if future.done():
        return
    if isinstance(error, WaybillError):
        future.set_exception(error)
        return
    unavailable = LogUnavailable(f"the log could not be written: {error}")
    unavailable.__cause__ = error
    future.set_exception(unavailable)
