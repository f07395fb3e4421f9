"""Group commit: waiting appends share one durable commit, each with its own outcome.

While one commit is under way the next appends gather; there is no timer, so a lone append is not
delayed. An append that was staged is committed even if its caller went away: a cancelled request
never stops the writer and never touches a neighbour.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from events.codec import encode
from events.errors import Conflict, LogUnavailable, Overloaded, WaybillError
from events.store import Append, Appended

MAX_WAITING = 4096
MAX_APPENDS = 256
MAX_EVENTS = 1000

Commit = Callable[[Sequence[Append]], Awaitable[Sequence[Appended | Conflict]]]
"""Writes a batch durably and all at once; raises if nothing of it was written."""

_Waiting = tuple[Append, "asyncio.Future[Appended]"]


class GroupCommit:
    """The queue in front of the one writer."""

    def __init__(self, commit: Commit, on_commit: Callable[[Appended], None]) -> None:
        self._commit = commit
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._closing = False

    async def submit(self, append: Append) -> Appended:
        """Wait for this append's own outcome; raises what became of it."""
        if self._closing:
            raise LogUnavailable("the log is being closed; try again")
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(len(self._waiting))
        for event in append.events:
            encode(event.fact)  # an event that cannot be stored must fail here, alone
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, future))
        self._arrived.set()
        return await future

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
        events = 0
        while self._waiting and len(batch) < MAX_APPENDS:
            append, future = self._waiting[0]
            if batch and events + len(append.events) > MAX_EVENTS:
                break
            self._waiting.popleft()
            if future.cancelled():
                continue
            events += len(append.events)
            batch.append((append, future))
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            outcomes = await self._commit([append for append, _ in batch])
        except LogUnavailable as error:
            for _, future in batch:
                _fail(future, error)
            return
        except Exception as error:
            await self._write_one_by_one(batch, error)
            return
        self._resolve(batch, outcomes)

    async def _write_one_by_one(self, batch: list[_Waiting], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch[0][1], error)
            return
        # The batch failed as a whole: find out whose fault it was without punishing the others.
        for one in batch:
            await self._write([one])

    def _resolve(self, batch: list[_Waiting], outcomes: Sequence[Appended | Conflict]) -> None:
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Conflict):
                _fail(future, outcome)
                continue
            self._on_commit(outcome)
            if not future.done():
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
