"""What waiting messages cost: memory, claiming, starting; and what an idle broker uses.

The messages are put into the file directly, through the broker's own statements, as publishing a
million of them would take longer than all the rest.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.broker_server import running
from benchmarks.figure import Figure
from benchmarks.http_client import connected
from benchmarks.processes import processor_seconds_of, settled_memory_of
from benchmarks.rounds import middle
from benchmarks.session import Session
from service.broker.arrivals import Arrival, add
from service.broker.claims import Claim, claim
from service.broker.database import WRITES, open_database
from service.broker.message import Message, Options, Place
from service.clock import new_id, system_clock
from service.embedded import DATABASE, prepare

SECOND = 1_000_000
DAY = 86_400 * SECOND
FEW = 1_000
CLAIMED = 100
CLAIMS = 9
AT_ONCE = 5_000
BODY = b"x" * 100


async def run(session: Session) -> AsyncIterator[Figure]:
    """Each figure from a file of its own."""
    yield await _idle(session)
    yield await _starting(session)
    async for figure in _resting(session):
        yield figure


async def _idle(session: Session) -> Figure:
    values = []
    for _ in range(session.rounds):
        with session.fresh_folder() as folder:
            prepare(folder)
            async with running("broker", str(folder)) as broker:
                await settled_memory_of([broker.process])
                before = processor_seconds_of([broker.process])
                await asyncio.sleep(session.sizes.idle_seconds)
                used = processor_seconds_of([broker.process]) - before
                values.append(100 * used / session.sizes.idle_seconds)
    conditions = {"seconds": session.sizes.idle_seconds}
    return session.figure("broker/idle", values, "% of a core", conditions=conditions)


async def _starting(session: Session) -> Figure:
    values: list[float] = []
    floors: list[float] = []
    for _ in range(session.rounds):
        for count, seconds in ((session.sizes.messages_waiting, values), (0, floors)):
            with session.fresh_folder() as folder:
                token = prepare(folder).token
                # Due long ago, so that the engine has its hands full from the start.
                fill(folder, count, due_at=system_clock() - DAY, url="http://127.0.0.1:9/")
                began = time.perf_counter()
                async with running("broker", str(folder)) as broker:
                    async with connected(broker.url) as connection:
                        await connection.get(f"/v2/keys?qstash_token={token}")
                    seconds.append(time.perf_counter() - began)
    return session.figure(
        "broker/start",
        values,
        "s",
        floor=floors,
        conditions={
            "messages_due": session.sizes.messages_waiting,
            "until": "the first answer over HTTP",
            "floor_is": "the same with no messages",
        },
    )


async def _resting(session: Session) -> AsyncIterator[Figure]:
    count = session.sizes.messages_at_rest
    with session.fresh_folder() as folder:
        prepare(folder)
        fill(folder, count, due_at=system_clock() + DAY, url="https://example.com/x")
        async with running("broker", str(folder)) as broker:
            memory = await settled_memory_of([broker.process])
        many = _claiming(folder)
    with session.fresh_folder() as folder:
        prepare(folder)
        fill(folder, FEW, due_at=system_clock() + DAY, url="https://example.com/x")
        async with running("broker", str(folder)) as broker:
            little = await settled_memory_of([broker.process])
        few = _claiming(folder)
    conditions = {"messages": count, "floor_is": f"the same with {FEW} messages"}
    yield session.figure(
        "broker/memory-at-rest",
        [memory.service],
        "MB",
        floor=[little.service],
        conditions=conditions,
    )
    yield session.figure(
        "broker/claim-at-rest",
        many,
        "ms",
        floor=few,
        conditions={**conditions, "claimed_at_once": CLAIMED, "value": middle(many)},
    )


def fill(folder: Path, count: int, *, due_at: int, url: str) -> None:
    """Puts so many waiting messages into the file, a microsecond apart."""
    engine = open_database(folder / DATABASE)
    writing = engine.connect().execution_options(**{WRITES: True})
    created_at = system_clock()
    with writing:
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(count, first + AT_ONCE))
            with writing.begin():
                add(writing, [[_waiting(n, created_at, due_at, url) for n in numbers]])
    engine.dispose()


def _waiting(number: int, created_at: int, due_at: int, url: str) -> Arrival:
    message = Message(
        id=f"msg_{new_id()}",
        url=url,
        headers=(("Content-Type", "text/plain"),),
        body=BODY,
        options=Options(),
        created_at=created_at,
        not_before=due_at + number,
        due_at=due_at + number,
    )
    return Arrival(message=message, place=Place.WAITING)


def _claiming(folder: Path) -> list[float]:
    """Milliseconds of claims of a hundred messages each, committed."""
    engine = open_database(folder / DATABASE)
    times = [_claim(engine) for _ in range(CLAIMS)]
    engine.dispose()
    return [1000 * seconds for seconds in times]


def _claim(engine: Engine) -> float:
    writing = engine.connect().execution_options(**{WRITES: True})
    now = system_clock() + 2 * DAY
    wanted = Claim(now=now, holder="bench", due=CLAIMED, lanes=CLAIMED, aside={})
    with writing:
        began = time.perf_counter()
        with writing.begin():
            (claimed,) = claim(writing, [wanted])
        seconds = time.perf_counter() - began
    if len(claimed.due) != CLAIMED:
        raise AssertionError(f"{len(claimed.due)} messages were claimed")
    return seconds
