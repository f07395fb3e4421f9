"""PgQueuer: `prepare URL`, `work URL FOLDER` or `produce URL COUNT BATCH`; see ``job_run``.

Runs in ``.venv-bench``. As its documentation recommends for throughput: asyncpg on uvloop, a
connection of its own for each worker, a pool for producers, larger batches for short jobs, and the
autovacuum settings that ``pgq autovac`` makes. Durability is the default, ``durable``: every
table is logged.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer  # type: ignore[import-not-found] # see above
from pgqueuer.db import (  # type: ignore[import-not-found] # see above
    AsyncpgDriver,
    AsyncpgPoolDriver,
)
from pgqueuer.models import Job  # type: ignore[import-not-found] # see above
from pgqueuer.queries import Queries  # type: ignore[import-not-found] # see above

from benchmarks.peers.progress import Progress

ENTRYPOINT = "nothing"
AT_ONCE = 250
"""Jobs that a worker takes in one statement."""
CLIENTS = 32
BODY = b"x" * 100


async def prepare(url: str) -> None:
    """Install its tables."""
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    await connection.close()


async def work(url: str, folder: str) -> None:
    """Run jobs until a signal."""
    progress = Progress(folder)
    connection = await asyncpg.connect(url)
    queuer = PgQueuer(AsyncpgDriver(connection))

    @queuer.entrypoint(ENTRYPOINT)  # type: ignore[untyped-decorator] # see above
    async def nothing(job: Job) -> None:
        progress.ran()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
    print("ready", flush=True)
    await queuer.run(batch_size=AT_ONCE)
    await connection.close()


async def produce(url: str, count: int, batch: int) -> None:
    """Enqueue so many jobs from 32 clients, each alone or in batches."""
    async with asyncpg.create_pool(url, min_size=CLIENTS, max_size=CLIENTS) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.time()
        sizes = iter([min(batch, count - first) for first in range(0, count, batch)])
        await asyncio.gather(*[_enqueue_each(queries, sizes) for _ in range(CLIENTS)])
        told = {"began": began, "ended": time.time(), "version": f"PgQueuer {version('pgqueuer')}"}
        print(json.dumps(told), flush=True)


async def _enqueue_each(queries: Any, sizes: Iterator[int]) -> None:
    for size in sizes:
        if size == 1:
            await queries.enqueue(ENTRYPOINT, BODY)
        else:
            await queries.enqueue([ENTRYPOINT] * size, [BODY] * size, [0] * size)


def main() -> None:
    verb, url, *rest = sys.argv[1:]
    match verb:
        case "prepare":
            uvloop.run(prepare(url))
        case "work":
            uvloop.run(work(url, rest[0]))
        case "produce":
            uvloop.run(produce(url, int(rest[0]), int(rest[1])))


if __name__ == "__main__":
    main()
