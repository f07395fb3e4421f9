"""One connection writes, and everything that waits shares one durable commit.

While the disk is quick the event loop waits for it itself: to hand a small group to a thread and to
hear of its end takes longer than to write it. What may take long goes to a thread of its own, and
so does whatever failed in the loop: a thread can wait for another engine, and find the bad item.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import Engine

from service.broker.commit import Handler, Outcome, Told, Write, commit, commit_in_parts
from service.broker.database import WRITES, wait_for_others
from service.broker.errors import Overloaded, StoreUnavailable
from service.broker.pace import Pace

__all__ = ["Rows", "Writer"]

MOST_ROWS = 512
"""A group of more would hold up the event loop for more than some milliseconds."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Rows = Callable[[Any], int]
"""About how many rows are written for an item."""


def _nobody(_result: object) -> None:
    """Nobody else wants to know."""


class Writer:
    """Takes writes from the event loop, answers when they are durable.

    One group is under way at a time, and meanwhile the next one gathers.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        limit: int,
        last: Handler[Any, Any] | None = None,
        brief: Mapping[Handler[Any, Any], Rows] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Of each group, what `last` writes comes last: it sees what all the others did.

        The event loop may run the handlers of `brief`; the work of others has no known bound.
        """
        self._limit = limit
        self._last = last
        self._brief = brief or {}
        self._pace = pace or Pace()
        self._waiting: list[Write] = []
        self._loop = asyncio.get_running_loop()
        # No executor: its futures, which nobody would wait for, cost a twentieth of a publish.
        self._groups: SimpleQueue[Sequence[Write]] = SimpleQueue()
        self._thread = Thread(target=self._write_groups, name="broker-writer", daemon=True)
        self._thread.start()
        self._connection = engine.connect().execution_options(**{WRITES: True})
        self._patient = True
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    async def write(
        self, handler: Handler[Item, Result], item: Item, told: Told[Result] = _nobody
    ) -> Result:
        """Has an item written; refuses when too many wait already."""
        if len(self._waiting) >= self._limit:
            told(None)
            raise Overloaded(f"{self._limit} writes wait for the disk already; try again shortly")
        return await self.write_always(handler, item, told)

    async def write_always(
        self, handler: Handler[Item, Result], item: Item, told: Told[Result] = _nobody
    ) -> Result:
        """Has an item written whatever waits; for callers that are bounded themselves."""
        if self._closing:
            told(None)
            raise StoreUnavailable("the broker is stopping; send this again after its next start")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append(Write(handler, item, future, told))
        if self._idle.is_set():
            self._idle.clear()
            # Not at once: what else arrives in this turn of the loop joins the group.
            self._loop.call_soon(self._write_waiting)
        return await future

    async def close(self) -> None:
        """Writes what waits, then ends."""
        self._closing = True
        await self._idle.wait()
        self._groups.put(())  # ends the thread
        self._thread.join()
        self._connection.close()

    def _write_waiting(self) -> None:
        group, self._waiting = self._waiting, []
        group.sort(key=lambda write: write.handler is self._last)
        outcomes = self._committed_here(group)
        if outcomes is None:
            self._groups.put(group)
        else:
            self._written(outcomes)

    def _committed_here(self, group: Sequence[Write]) -> list[Outcome] | None:
        """Writes a group in the event loop; `None` if nothing is written and the thread has to."""
        if not (self._pace.quick and self._is_brief(group)):
            return None
        try:
            self._wait_for_others(False)
            return commit(self._connection, group, self._pace)
        except Exception:  # the thread finds out why
            return None

    def _is_brief(self, group: Sequence[Write]) -> bool:
        rows = 0
        for write in group:
            rows_of = self._brief.get(write.handler)
            if rows_of is None:
                return False
            rows += rows_of(write.item)
        return rows <= MOST_ROWS

    def _write_groups(self) -> None:
        while group := self._groups.get():
            self._wait_for_others(True)
            outcomes = commit_in_parts(self._connection, group, self._pace)
            self._loop.call_soon_threadsafe(self._written, outcomes)

    def _wait_for_others(self, patient: bool) -> None:
        if patient != self._patient:
            wait_for_others(self._connection, patient)
            self._patient = patient

    def _written(self, outcomes: Sequence[Outcome]) -> None:
        if self._waiting:
            # Not at once: whoever else is ready in this turn comes first, and joins it.
            self._loop.call_soon(self._write_waiting)
        else:
            self._idle.set()
        _resolve(outcomes)


def _resolve(outcomes: Sequence[Outcome]) -> None:
    for write, result, error in outcomes:
        write.told(result)
        if write.future.done():
            continue
        if error is None:
            write.future.set_result(result)
        else:
            write.future.set_exception(error)
