"""A node of its own on a shared PostgreSQL: `write URL NODE SECONDS`, or `freeze URL`.

It says in one line each what it was acknowledged, so that the test knows what must be there.
"""

import asyncio
import itertools
import random
import sys
import time
from typing import NoReturn

import msgspec
from sqlalchemy import Connection, text

from events.database import Database, T, Work
from events.errors import Conflict, LogUnavailable
from events.postgres import open_postgres
from events.sql import SqlEventStore, open_event_store
from events.store import Append, Appended
from service.clock import system_clock
from tests.stores import append, new_ids_from

WRITERS = 16
ROLLED_BACK = 0.05
CONTESTED = "contested"
"""The stream that all writers of all nodes append to now and then."""


class Acknowledged(msgspec.Struct, frozen=True):
    """What a node was told of one append."""

    event_ids: list[str]
    first: int
    last: int


class Unreliable:
    """A database that rolls some transactions back at the last moment."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self._database = database
        self._chance = chance

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        doomed = self._chance.random() < ROLLED_BACK
        return await self._database.write(lambda its: _done(work, its, doomed), long=long)

    async def read(self, work: Work[T]) -> T:
        return await self._database.read(work)


def _done(work: Work[T], connection: Connection, doomed: bool) -> T:
    result = work(connection)
    if doomed:
        raise LogUnavailable("rolled back on purpose")
    return result


async def until_known(store: SqlEventStore, wanted: Append) -> Appended:
    """Ask again until the outcome is known; the ids see to it that it is stored once."""
    while True:
        try:
            return await store.append(wanted)
        except LogUnavailable:
            await asyncio.sleep(0.01)


async def _write(store: SqlEventStore, stream: str, until: float) -> None:
    version, contested = 0, 0
    for number in itertools.count():
        if time.monotonic() > until:
            return
        if number % 8 == 7:
            contested = await _contest(store, contested)
            continue
        wanted = append(stream, version, *"xy"[: 1 + number % 2])
        appended = await until_known(store, wanted)
        version = appended.version
        _tell(wanted, appended)


async def _contest(store: SqlEventStore, expected: int) -> int:
    """Append once to what everybody appends to; the version that it has then."""
    while True:
        wanted = append(CONTESTED, expected, "mine")
        try:
            appended = await until_known(store, wanted)
        except Conflict as conflict:
            expected = conflict.actual
            continue
        _tell(wanted, appended)
        return appended.version


def _tell(wanted: Append, appended: Appended) -> None:
    ids = [event.event_id for event in wanted.events]
    told = Acknowledged(ids, appended.first, appended.last)
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")


async def write(url: str, node: str, seconds: float) -> None:
    """Many writers at once, each until the time is over."""
    new_ids_from(int(node) << 64)
    until = time.monotonic() + seconds
    async with open_postgres(url, "log", durability="full") as database:
        unreliable = Unreliable(database, random.Random(int(node)))
        async with (
            open_event_store(
                database, clock=system_clock, new_epoch=lambda: "epoch", shared=True
            ) as store,
            asyncio.TaskGroup() as tasks,
        ):
            store.database = unreliable
            for writer in range(WRITERS):
                tasks.create_task(_write(store, f"node{node}-{writer}", until))


async def freeze(url: str) -> None:
    """Take the lock, write, and stop before the commit until somebody lets us go on."""

    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO log_info (name, value) VALUES ('frozen', 'x')"))
        _say("locked")
        time.sleep(0.5)  # as long as it takes to be frozen

    async with open_postgres(url, "log", durability="full") as database:
        try:
            await database.write(work)
        except LogUnavailable:
            _say("refused")
        else:
            _say("committed")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> NoReturn:
    verb, url, *rest = sys.argv[1:]
    asyncio.run(write(url, rest[0], float(rest[1])) if verb == "write" else freeze(url))
    sys.exit(0)


if __name__ == "__main__":
    main()
