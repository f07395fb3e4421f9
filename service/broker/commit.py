"""One durable commit for a group of writes.

A write is a handler and an item. All items of a group that have the same handler are given to it
together, so a group of any size is a few statements and one commit.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, RootTransaction

from service.broker.errors import BrokerError, StoreUnavailable
from service.broker.pace import Pace

__all__ = ["Handler", "Outcome", "Told", "Write", "commit", "commit_in_parts"]

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Handler = Callable[[Connection, Sequence[Item]], Sequence[Result]]
Told = Callable[[Result | None], None]
"""Hears what came of a write (None: nothing was written), also when its caller has gone."""


class Write(Struct, frozen=True):
    """One group holds items of every kind; `Writer.write` keeps each one's types together."""

    handler: Handler[Any, Any]
    item: object
    future: asyncio.Future[Any]
    told: Told[Any]


Outcome = tuple[Write, Any, BaseException | None]
"""A write, with what its handler gave or with why nothing was written."""


def commit(connection: Connection, group: Sequence[Write], pace: Pace) -> list[Outcome]:
    """Writes all of the group; raises what went wrong, and then nothing is written."""
    by_handler: dict[Handler[Any, Any], list[Write]] = {}
    for write in group:
        by_handler.setdefault(write.handler, []).append(write)
    outcomes: list[Outcome] = []
    transaction = connection.begin()
    try:
        for handler, writes in by_handler.items():
            results = handler(connection, [write.item for write in writes])
            for write, result in zip(writes, results, strict=True):
                outcomes.append((write, result, None))
        pace.timed(transaction.commit)
    except BaseException:
        _roll_back(connection, transaction)
        raise
    return outcomes


def _roll_back(connection: Connection, transaction: RootTransaction) -> None:
    with suppress(Exception):  # what matters is the error that brought us here
        transaction.rollback()
        # SQLAlchemy takes a transaction whose commit failed for ended; SQLite may not.
        driver: Any = connection.connection.driver_connection
        if driver.in_transaction:
            driver.rollback()


def commit_in_parts(connection: Connection, group: Sequence[Write], pace: Pace) -> list[Outcome]:
    """Writes what can be written: one bad item never takes others with it."""
    try:
        return commit(connection, group, pace)
    except Exception as error:  # the last guard of the writer; every write gets its answer
        if len(group) == 1:
            return [(group[0], None, _refusal(error))]
        log.warning("a shared commit failed", extra={"writes": len(group), "error": str(error)})
        return [
            outcome for write in group for outcome in commit_in_parts(connection, [write], pace)
        ]


def _refusal(error: Exception) -> Exception:
    if isinstance(error, BrokerError):
        return error
    refusal = StoreUnavailable(f"the store could not write: {error}")
    refusal.__cause__ = error
    return refusal
