"""How much more memory the server holds while it takes in a very large upload."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import BinaryIO

import psutil

from benchmarks.figure import Figure
from benchmarks.http_client import accepted, connected
from benchmarks.load import document_id_of
from benchmarks.processes import MEGABYTE, settled_memory_of
from benchmarks.product import DURABILITY, Product, serving
from benchmarks.session import Session

TARGET = "/v1/documents?name=huge.bin&processor=none"
LOOK_SECONDS = 0.005
AIM = "less than 20 MB for 200 MB"


async def run(session: Session) -> AsyncIterator[Figure]:
    """The service's peak during the upload, less what it held before."""
    size = session.sizes.upload_megabytes * MEGABYTE
    allowed = {**session.settings, "WAYBILL_MAX_UPLOAD_BYTES": str(2 * size)}
    session = replace(session, settings=allowed)
    values = []
    with session.fresh_folder() as folder, (folder / "huge.bin").open("w+b") as file:
        file.truncate(size)
        for _ in range(session.rounds):
            file.seek(0)
            async with serving(session) as product:
                values.append(await _growth(product, file, size))
    yield session.figure(
        "upload-memory/growth",
        values,
        "MB",
        conditions={"aim": AIM, "durability": DURABILITY, "bytes": size},
    )


async def _growth(product: Product, file: BinaryIO, size: int) -> float:
    processes = product.processes()
    before = (await settled_memory_of(processes)).service
    async with connected(product.url) as connection:
        uploading = asyncio.create_task(connection.post_file(TARGET, file, size))
        highest = before
        while not uploading.done():
            highest = max(highest, _resident(processes[0]))
            await asyncio.wait({uploading}, timeout=LOOK_SECONDS)
        accepted(await uploading, document_id_of)
    return max(highest, _resident(processes[0])) - before


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MEGABYTE
