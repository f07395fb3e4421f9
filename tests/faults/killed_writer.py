"""A process that appends as fast as it can and is killed: what it plans is known beforehand."""

import asyncio
import os
import random
import select
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from events.document.facts import CancelRequested
from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import Append, EventStore, NewEvent
from service.clock import system_clock
from tests.forking import context

WRITERS = 32
MOST_EVENTS = 4


def plan(life: int, writer: int) -> Iterator[Append]:
    """The appends of this writer in this life, in order; the same ones whoever asks."""
    stream = f"life{life}-{writer}"
    chance = random.Random(stream)
    version = 0
    for number in count():
        texts = [f"{number}" * chance.randint(1, 40) for _ in range(chance.randint(1, MOST_EVENTS))]
        yield Append(
            stream=stream,
            expected=version,
            events=[_event(f"{stream}/{version + one}", text) for one, text in enumerate(texts)],
        )
        version += len(texts)


def _event(name: str, text: str) -> NewEvent:
    return NewEvent(
        event_id=str(uuid5(NAMESPACE_OID, name)),
        fact=CancelRequested(document_id="d", by="test", reason=text),
        occurred_at=0,
        correlation_id=name,
    )


def one_life(database: Path, life: int, seconds: float) -> list[tuple[int, int, int]]:
    """Let it write, kill it; writer, first and last position of each append it was told of."""
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_live, args=(database, life, sending))
    process.start()
    sending.close()
    with closing(receiving):
        heard = os.read(receiving.fileno(), 65536)  # it writes
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([receiving], [], [], left)[0]:
                heard += os.read(receiving.fileno(), 65536)
        process.kill()
        while more := os.read(receiving.fileno(), 65536):
            heard += more
    process.join()
    lines = heard.decode().split("\n")[:-1]  # the last may be half a line
    return [(int(a), int(b), int(c)) for a, b, c in (line.split() for line in lines)]


def _live(database: Path, life: int, acknowledged: Connection) -> None:
    asyncio.run(_write(database, life, acknowledged.fileno()))


async def _write(path: Path, life: int, acknowledged: int) -> None:
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=system_clock, new_epoch=lambda: "epoch") as store,
        asyncio.TaskGroup() as tasks,
    ):
        for writer in range(WRITERS):
            tasks.create_task(_append(store, life, writer, acknowledged))


async def _append(store: EventStore, life: int, writer: int, acknowledged: int) -> None:
    for append in plan(life, writer):
        appended = await store.append(append)
        os.write(acknowledged, f"{writer} {appended.first} {appended.last}\n".encode())
