"""Queries run in a few threads, so that none of them holds up the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from service.broker.database import READERS
from service.broker.errors import Overloaded, StoreUnavailable

__all__ = ["Reader"]

Result = TypeVar("Result")


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
