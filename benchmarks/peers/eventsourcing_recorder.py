"""`DATABASE COUNT WRITERS`, an event on standard input: appends with ``eventsourcing``'s recorder.

Runs in ``.venv-bench`` and imports nothing of ours. The recorder commits each call, durably as it
ships (WAL, SQLite's default ``synchronous=FULL``); writers are threads, one stream each.
"""

import json
import sys
import threading
import time
from uuid import UUID

from eventsourcing.persistence import StoredEvent  # type: ignore[import-not-found] # see above
from eventsourcing.sqlite import (  # type: ignore[import-not-found] # see above
    SQLiteAggregateRecorder,
    SQLiteDatastore,
)


def main() -> None:
    database, count, writers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    state = sys.stdin.buffer.read()
    recorder = SQLiteAggregateRecorder(SQLiteDatastore(database, pool_size=max(5, writers)))
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
