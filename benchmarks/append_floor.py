"""The floor of an append: the standard library's ``sqlite3``, the same tables, rows and durability.

It decides nothing, checks nothing and encodes nothing: its rows were made before the clock starts.
"""

import sqlite3
import time
from pathlib import Path

from benchmarks.append_rows import OCCURRED_AT, STREAMS, fact
from benchmarks.timings import Timing
from events.chain import GENESIS
from events.codec import encode
from migrations import upgrade

_STREAM = "UPDATE streams SET version = ? WHERE stream_no = ?"
_EVENT = f"INSERT INTO events VALUES ({', '.join('?' * 13)})"  # the table's own order of columns


def measure(folder: Path, count: int, *, batch: int) -> Timing:
    """Write so many events, ``batch`` in each commit; a latency is that of one commit."""
    path = folder / "floor.db"
    upgrade("log", path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.executemany(
            "INSERT INTO streams (stream_no, name, version) VALUES (?,?,?)", stream_rows()
        )
        return _write(connection, count, batch)
    finally:
        connection.close()


def _write(connection: sqlite3.Connection, count: int, batch: int) -> Timing:
    rows = [row(number) for number in range(count)]
    latencies: list[float] = []
    began = time.perf_counter()
    for start in range(0, count, batch):
        part = rows[start : start + batch]
        touched = {one[1]: one[2] for one in part}
        asked = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_STREAM, [(version, number) for number, version in touched.items()])
        connection.executemany(_EVENT, part)
        connection.execute("COMMIT")
        latencies += [time.perf_counter() - asked] * len(part)
    return Timing(seconds=time.perf_counter() - began, latencies=latencies)


def stream_rows() -> list[tuple[int, str, int]]:
    """The streams before the first event."""
    return [(number, f"document-{number:030d}", 0) for number in range(STREAMS)]


def row(number: int) -> tuple[object, ...]:
    """An event as it lies in the table, in the table's own order of columns."""
    encoded = encode(fact(number))
    return (
        number + 1,
        number % STREAMS,
        number // STREAMS + 1,
        f"{number:036d}",
        encoded.type,
        encoded.schema_version,
        OCCURRED_AT + number,
        OCCURRED_AT + number,
        f"doc_{number:026d}.0",
        None,
        encoded.data.decode(),
        '{"node":"benchmark"}',
        GENESIS,
    )
