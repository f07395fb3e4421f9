"""How many events a second the log takes in PostgreSQL: from one writer, and from 64 at once.

The server is a real one with ``fsync`` and ``synchronous_commit`` on, started for this run. The
floor is ``append_postgresql_floor``: asyncpg inserting the same rows, one multi-row statement a
commit, as many rows as the log's group commit had reached. The peer is the PostgreSQL recorder of
``eventsourcing``, one event a commit, from one thread and from 64.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing

from benchmarks import append_postgresql_floor
from benchmarks.append import WRITERS, columns, measure_log, values_of
from benchmarks.append_peer import POSTGRESQL, POSTGRESQL_NAME, measure_peer
from benchmarks.append_rows import BYTES
from benchmarks.figure import Figure
from benchmarks.session import Session
from benchmarks.timings import Timing
from events.postgres import open_postgres
from migrations import upgrade
from tests.postgres import PostgresServer

DURABILITY = "PostgreSQL, fsync=on, synchronous_commit=on: an append returns after the flush"


async def run(session: Session) -> AsyncIterator[Figure]:
    """Log, floor and peer in turn, round after round, each in a fresh database."""
    with closing(await asyncio.to_thread(PostgresServer, durable=True)) as server:
        databases = Databases(server)
        for bench, writers, count in (
            ("append-postgresql/one-by-one", 1, session.sizes.lone_appends),
            ("append-postgresql/64-writers", WRITERS, session.sizes.shared_appends),
        ):
            async for figure in _measured(session, databases, bench, writers, count):
                yield figure


class Databases:
    """Fresh databases of one server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._made = 0

    def fresh(self) -> str:
        """The URL of an empty one."""
        self._made += 1
        name = f"benchmark_{self._made}"
        self._server.sql(f"CREATE DATABASE {name}")
        return self._server.url(name)


async def _measured(
    session: Session, databases: Databases, bench: str, writers: int, count: int
) -> AsyncIterator[Figure]:
    ours, floors, peers, batches = [], [], [], []
    for _ in range(session.rounds):
        timing, commits = await _log(databases.fresh(), count, writers)
        ours.append(timing)
        batches.append(max(1, round(count / commits)))
        url = databases.fresh()
        await asyncio.to_thread(upgrade, "log", url)
        floors.append(await append_postgresql_floor.measure(url, count, batch=batches[-1]))
        # It commits one by one, so fewer events say the same in less time.
        share = count if writers == 1 else count // 10
        peers.append(measure_peer(POSTGRESQL, databases.fresh(), share, writers=writers))
    conditions = {
        "durability": DURABILITY,
        "events": count,
        "event_bytes": BYTES,
        "writers": writers,
        "events_per_commit": batches,
        "floor_is": "asyncpg, the same rows, one multi-row insert a commit of the size reached",
    }
    for name, unit, values in columns(bench, ours):
        yield session.figure(
            name,
            values,
            unit,
            floor=values_of(unit, name, floors) if unit == "events/s" or writers == 1 else None,
            peer=values_of(unit, name, _known(peers)),
            peer_name=POSTGRESQL_NAME,
            conditions=conditions,
        )


async def _log(url: str, count: int, writers: int) -> tuple[Timing, int]:
    await asyncio.to_thread(upgrade, "log", url)
    return await measure_log(open_postgres(url, "log", durability="full"), count, writers=writers)


def _known(peers: Sequence[Timing | None]) -> list[Timing]:
    return [peer for peer in peers if peer is not None]
