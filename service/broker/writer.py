"""One thread writes, and everything that waits shares one durable commit.

A write is a handler and an item. All items waiting for the same handler are given to it together,
so a group of any size is a few statements and one commit. If a group fails, each of its items is
tried again alone: one bad item never takes others with it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.broker.database import READERS, WRITES
from service.broker.errors import BrokerError, Overloaded, StoreUnavailable

__all__ = ["Handler", "Reader", "Told", "Writer"]

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Handler = Callable[[Connection, Sequence[Item]], Sequence[Result]]
Told = Callable[[Result | None], None]
"""Hears what came of a write (None: nothing was written), also when its caller has gone."""


class _Write(Struct, frozen=True):
    # One queue holds items of every kind; `write` keeps each one's types together.
    handler: Handler[Any, Any]
    item: object
    future: asyncio.Future[Any]
    told: Told[Any]


_Outcome = tuple[_Write, Any, BaseException | None]


def _nobody(_result: object) -> None:
    """Nobody else wants to know."""


class Writer:
    """Takes writes from the event loop, answers when they are durable.

    While a group is being written the next one gathers; the thread is asked once for each group.
    """

    def __init__(
        self, engine: Engine, *, limit: int, last: Handler[Any, Any] | None = None
    ) -> None:
        """Of each group, what `last` writes comes last: it sees what all the others did."""
        self._limit = limit
        self._last = last
        self._waiting: list[_Write] = []
        self._loop = asyncio.get_running_loop()
        # No executor: its futures, which nobody would wait for, cost a twentieth of a publish.
        self._groups: SimpleQueue[Sequence[_Write]] = SimpleQueue()
        self._thread = Thread(target=self._write_groups, name="broker-writer", daemon=True)
        self._thread.start()
        self._connection = engine.connect().execution_options(**{WRITES: True})
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
        self._waiting.append(_Write(handler, item, future, told))
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
        self._groups.put(group)

    def _write_groups(self) -> None:
        while group := self._groups.get():
            outcomes = _write_group(self._connection, group)
            self._loop.call_soon_threadsafe(self._written, outcomes)

    def _written(self, outcomes: Sequence[_Outcome]) -> None:
        if self._waiting:
            self._write_waiting()
        else:
            self._idle.set()
        _resolve(outcomes)


class Reader:
    """Runs queries off the event loop, a few at a time."""

    def __init__(self, engine: Engine, *, limit: int) -> None:
        self._engine = engine
        self._limit = limit
        self._under_way = 0
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="broker-reader")

    async def read(self, query: Callable[[Connection], Result]) -> Result:
        """The answer to a query; refuses when too many wait already."""
        if self._under_way >= self._limit:
            raise Overloaded(f"{self._limit} queries wait already; try again shortly")
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._query, query)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Ends when the queries under way have."""
        self._threads.shutdown()

    def _query(self, query: Callable[[Connection], Result]) -> Result:
        try:
            with self._engine.connect() as connection:
                return query(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreUnavailable(f"the store did not answer: {error}") from error


def _resolve(outcomes: Sequence[_Outcome]) -> None:
    for write, result, error in outcomes:
        write.told(result)
        if write.future.done():
            continue
        if error is None:
            write.future.set_result(result)
        else:
            write.future.set_exception(error)


def _write_group(connection: Connection, group: Sequence[_Write]) -> list[_Outcome]:
    try:
        return _commit(connection, group)
    except Exception as error:  # the last guard of the thread; every write gets its answer
        if len(group) == 1:
            return [(group[0], None, _refusal(error))]
        log.warning("a shared commit failed", extra={"writes": len(group), "error": str(error)})
        return [outcome for write in group for outcome in _write_group(connection, [write])]


def _commit(connection: Connection, group: Sequence[_Write]) -> list[_Outcome]:
    by_handler: dict[Handler[Any, Any], list[_Write]] = {}
    for write in group:
        by_handler.setdefault(write.handler, []).append(write)
    outcomes: list[_Outcome] = []
    with connection.begin():
        for handler, writes in by_handler.items():
            results = handler(connection, [write.item for write in writes])
            for write, result in zip(writes, results, strict=True):
                outcomes.append((write, result, None))
    return outcomes


def _refusal(error: Exception) -> Exception:
    if isinstance(error, BrokerError):
        return error
    refusal = StoreUnavailable(f"the store could not write: {error}")
    refusal.__cause__ = error
    return refusal
