"""The floor of reading the log: ``sqlite3`` fetch, ``msgspec`` decode of the data, a count.

A program of its own, ``python -m benchmarks.read_floor LOG``, so that it is alone in its process.
It prints how long it took and the megabytes that its process held at most.
"""

import resource
import sqlite3
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.log_rows import decoders

_ALL = """
SELECT position, name, events.version, event_id, type, schema_version, occurred_at, recorded_at,
       correlation_id, causation_id, data, meta, chain
FROM events JOIN streams USING (stream_no) WHERE position > ? ORDER BY position LIMIT ?
"""
PAGE = 5000


class Read(msgspec.Struct):
    """One measured reading."""

    events: int
    seconds: float
    processor_seconds: float
    """Of all threads: what it takes whatever else the machine does."""
    megabytes: float
    head: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def microseconds(self) -> float:
        """Processor time for one event."""
        return 1_000_000 * self.processor_seconds / self.events


def read(path: Path) -> Read:
    """Read everything, page by page, and count."""
    decode = {name: decoder.decode for name, decoder in decoders().items()}
    connection = sqlite3.connect(path)
    counts: dict[str, int] = {}
    after = 0
    began, used = time.perf_counter(), time.process_time()
    while rows := connection.execute(_ALL, (after, PAGE)).fetchall():
        for row in rows:
            decode[row[4]](row[10])
            counts[row[4]] = counts.get(row[4], 0) + 1
        after = rows[-1][0]
    seconds = time.perf_counter() - began
    used = time.process_time() - used
    return Read(sum(counts.values()), seconds, used, peak_megabytes(), after)


def peak_megabytes() -> float:
    """What this process has held in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(read(Path(sys.argv[1]))))
