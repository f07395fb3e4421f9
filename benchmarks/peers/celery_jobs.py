"""Celery on Redis: `work URL FOLDER` or `produce URL COUNT BATCH`; see ``job_run``.

Runs in ``.venv-bench``. As its documentation recommends for many short tasks: a process for each
core, a large prefetch, no results kept, no gossip between workers. A task is acknowledged when it
has run (``acks_late``), so that a killed worker loses none. It cannot enqueue several in one call.
"""

import json
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from celery import Celery  # type: ignore[import-not-found] # see above
from celery.exceptions import SecurityWarning  # type: ignore[import-not-found] # see above
from celery.signals import (  # type: ignore[import-not-found] # see above
    worker_process_init,
    worker_ready,
)

from benchmarks.peers.progress import Progress

PROCESSES = 2
PREFETCH = 128
CLIENTS = 8
BODY = "x" * 100

app = Celery("peer", set_as_current=True)
app.conf.update(
    broker_pool_limit=CLIENTS,
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=PREFETCH,
    worker_redirect_stdouts=False,
)
progress: list[Progress] = []
"""That of this process, once it is one that runs tasks."""


@app.task(name="nothing")  # type: ignore[untyped-decorator] # see above
def nothing(body: str) -> None:
    progress[0].ran()


def work(url: str, folder: str) -> None:
    """Run jobs until a signal."""
    warnings.simplefilter("ignore", SecurityWarning)  # that we are root is the benchmark's matter
    app.conf.broker_url = url

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator] # see above
    def started(**_: Any) -> None:
        progress[:] = [Progress(folder)]

    @worker_ready.connect(weak=False)  # type: ignore[untyped-decorator] # see above
    def ready(**_: Any) -> None:
        print("ready", flush=True)

    options = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["-q", "worker", "--pool=prefork", f"--concurrency={PROCESSES}", *options])


def produce(url: str, count: int) -> None:
    """Enqueue so many jobs, one by one, from eight threads."""
    app.conf.broker_url = url
    shares = [count // CLIENTS + (client < count % CLIENTS) for client in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.time()
        list(threads.map(_enqueue, shares))
    told = {"began": began, "ended": time.time(), "version": f"Celery {version('celery')}"}
    print(json.dumps(told), flush=True)


def _enqueue(count: int) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(count):
            nothing.apply_async((BODY,), producer=producer)


def main() -> None:
    verb, url, *rest = sys.argv[1:]
    if verb == "work":
        work(url, rest[0])
    else:
        produce(url, int(rest[0]))


if __name__ == "__main__":
    main()
