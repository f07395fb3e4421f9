"""The floor of an append in PostgreSQL: asyncpg, the same tables and rows, one insert a commit.

It decides nothing, checks nothing and encodes nothing: its rows were made before the clock starts.
"""

import time
from typing import Any

import asyncpg

from benchmarks.append_floor import row, stream_rows
from benchmarks.timings import Timing

_EVENTS = """
INSERT INTO log.events SELECT * FROM unnest(
    $1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::integer[], $7::bigint[],
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[])
"""
_STREAMS = """
UPDATE log.streams SET version = new.version
FROM unnest($1::integer[], $2::integer[]) AS new (stream_no, version)
WHERE streams.stream_no = new.stream_no
"""


async def measure(url: str, count: int, *, batch: int) -> Timing:
    """Write so many events, ``batch`` in each commit; a latency is that of one commit."""
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(
            "INSERT INTO log.streams (stream_no, name, version) VALUES ($1, $2, $3)", stream_rows()
        )
        return await _write(connection, count, batch)
    finally:
        await connection.close()


async def _write(connection: Any, count: int, batch: int) -> Timing:
    rows = [row(number) for number in range(count)]
    events = await connection.prepare(_EVENTS)
    streams = await connection.prepare(_STREAMS)
    latencies: list[float] = []
    began = time.perf_counter()
    for start in range(0, count, batch):
        part = rows[start : start + batch]
        touched = {one[1]: one[2] for one in part}
        asked = time.perf_counter()
        async with connection.transaction():
            await streams.fetch(list(touched), list(touched.values()))
            await events.fetch(*map(list, zip(*part, strict=True)))
        latencies += [time.perf_counter() - asked] * len(part)
    return Timing(seconds=time.perf_counter() - began, latencies=latencies)
