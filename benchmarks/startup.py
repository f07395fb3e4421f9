"""From the start of `waybill serve` over an empty folder to its line `listening on`."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator

from benchmarks.figure import Figure
from benchmarks.product import DURABILITY, serving
from benchmarks.session import Session

IMPORTS = "import litestar, sqlalchemy.ext.asyncio, uvicorn"
FLOOR = f"python -c '{IMPORTS}'"


async def run(session: Session) -> AsyncIterator[Figure]:
    """The floor is an interpreter that imports the two frameworks and ends."""
    values, floors = [], []
    for _ in range(session.rounds):
        async with serving(session) as product:
            values.append(product.seconds_to_listening)
        floors.append(_imports())
    yield session.figure(
        "startup/seconds",
        values,
        "s",
        floor=floors,
        conditions={"floor_is": FLOOR, "durability": DURABILITY},
    )


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - began
