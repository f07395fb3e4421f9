"""How much an append says to PostgreSQL, and how often nodes tell each other of it: counted."""

import asyncio
from pathlib import Path

import pytest

from events.hints import CHANNEL, Hints
from events.postgres import open_postgres
from events.sql import SqlEventStore, open_event_store
from events.wakeup import Wakeup
from tests.fakes import FakeClock
from tests.line import Fate, Line
from tests.postgres import database_of, server
from tests.stores import append

pytestmark = pytest.mark.anyio

ROUND_TRIPS = 4
"""BEGIN with its settings and the lock; the heads of the streams; all rows; COMMIT."""
SECONDS = 1.0
A_SECOND = 20
"""The most that one node tells the others, whatever is appended."""


class CountingLine(Line):
    """Counts how often somebody speaks after the other side has spoken: the round trips."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.round_trips = 0
        self._port = port

    def behind(self) -> int:
        return self._port

    def fates(self) -> tuple[Fate, Fate]:
        answered = True

        def asks(piece: bytes) -> bytes:
            nonlocal answered
            self.round_trips += answered
            answered = False
            return piece

        def answers(piece: bytes) -> bytes:
            nonlocal answered
            answered = True
            return piece

        return asks, answers


async def test_an_append_is_four_round_trips_however_many_share_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    name = database_of(tmp_path).rpartition("/")[2]
    async with CountingLine(server().port).listening() as line:
        url = f"postgresql://postgres@127.0.0.1:{line.port}/{name}"
        async with (
            open_postgres(url, "log", durability="full") as database,
            open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
        ):
            for number in range(3):  # until the statements have their names
                await store.append(append("a", number, "x"))

            counts = [
                await trips(line, store, "a"),
                await trips(line, store, "b"),
                await trips(line, store, *"cdefghij"),
            ]

    known, new, together = counts
    assert (known, new, together) == (ROUND_TRIPS, ROUND_TRIPS, ROUND_TRIPS)


async def trips(line: CountingLine, store: SqlEventStore, *streams: str) -> int:
    """The round trips of one append to each of these streams, all at once."""
    versions = {name: len(await store.read_stream(name)) for name in streams}
    before = line.round_trips
    await asyncio.gather(
        *(store.append(append(name, version, "x", "y")) for name, version in versions.items())
    )
    return line.round_trips - before


async def test_however_many_appends_there_are_a_node_tells_of_them_twenty_times_a_second(
    tmp_path: Path,
) -> None:
    url, wakeup = database_of(tmp_path), Wakeup()
    heard: list[int] = []
    last = asyncio.Event()
    listener = await server().connect(url)
    await listener.add_listener(CHANNEL, lambda *told: hear(int(told[3])))

    def hear(head: int) -> None:
        heard.append(head)
        if head == wakeup.head:
            last.set()

    telling = asyncio.create_task(Hints(url, wakeup, lambda _: None).run())
    wakeup.announce(1)
    async with asyncio.timeout(30):
        await last.wait()
    loop = asyncio.get_running_loop()
    began, announced = loop.time(), 1
    while loop.time() < began + SECONDS:
        announced += 1
        wakeup.announce(announced)
        await asyncio.sleep(0.001)
    took = loop.time() - began
    last.clear()
    async with asyncio.timeout(30):
        await last.wait()
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    await listener.close()

    assert announced > 100
    assert 3 <= len(heard) <= 3 + took * A_SECOND
    assert heard == sorted(set(heard)) and heard[-1] == announced
