"""`KIND DATABASE COUNT WRITERS`, an event on standard input: appends with ``eventsourcing``.

Runs in ``.venv-bench`` and imports nothing of ours. The recorder commits each call, durably as it
ships (SQLite: WAL, ``synchronous=FULL``; PostgreSQL: as the server is set); writers are threads,
one stream each.
"""

import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.persistence import StoredEvent  # type: ignore[import-not-found] # see above


def sqlite(database: str, connections: int) -> Any:
    """The recorder for a file."""
    from eventsourcing.sqlite import (  # type: ignore[import-not-found] # see above
        SQLiteAggregateRecorder,
        SQLiteDatastore,
    )

    return SQLiteAggregateRecorder(SQLiteDatastore(database, pool_size=connections))


def postgresql(database: str, connections: int) -> Any:
    """The recorder for a server."""
    from eventsourcing.postgres import (  # type: ignore[import-not-found] # see above
        PostgresAggregateRecorder,
        PostgresDatastore,
    )

    url = urlsplit(database)
    datastore = PostgresDatastore(
        dbname=url.path[1:],
        host=url.hostname or "",
        port=str(url.port),
        user=url.username or "",
        password="",
        pool_size=connections,
        max_overflow=0,
    )
    return PostgresAggregateRecorder(datastore, events_table_name="stored_events")


def main() -> None:
    kind, database = sys.argv[1:3]
    count, writers = int(sys.argv[3]), int(sys.argv[4])
    state = sys.stdin.buffer.read()
    opened = sqlite if kind == "sqlite" else postgresql
    recorder = opened(database, max(5, writers))
    recorder.create_table()
    share = count // writers
    latencies: list[list[float]] = [[] for _ in range(writers)]

    def write(writer: int) -> None:
        for number in range(1, share + 1):
            event = StoredEvent(
                originator_id=UUID(int=writer),
                originator_version=number,
                topic="waybill:DocumentRegistered",
                state=state,
            )
            began = time.perf_counter()
            recorder.insert_events([event])
            latencies[writer].append(time.perf_counter() - began)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    every = [latency for some in latencies for latency in some]
    json.dump({"seconds": seconds, "latencies": every}, sys.stdout)


if __name__ == "__main__":
    main()
