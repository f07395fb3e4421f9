"""One large document, from its 202 to `succeeded`, against plain pypdf in one loop."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from benchmarks import pdf_floor
from benchmarks.documents import letters
from benchmarks.figure import Figure
from benchmarks.http_client import accepted, connected
from benchmarks.load import document_id_of, upload_all
from benchmarks.product import DURABILITY, Product, serving
from benchmarks.session import Session
from benchmarks.watcher import watching
from service.samples import large_document

TARGET = "/v1/documents?name=report.pdf&processor=pdf-text"
WARM_UP = 8
AIM = "at most 1.15 times the floor"


async def run(session: Session) -> AsyncIterator[Figure]:
    """Product and floor in turn."""
    sizes = session.sizes
    values, floors = [], []
    with session.fresh_folder() as folder:
        path = folder / "report.pdf"
        length = path.write_bytes(large_document(sizes.megabytes, sizes.pages))
        for _ in range(session.rounds):
            with path.open("rb") as file:
                values.append(await _measure(session, file, length))
            floors.append(pdf_floor.seconds_to_read([path]))
    yield session.figure(
        "large/seconds",
        values,
        "s",
        floor=floors,
        conditions={
            "floor_is": "pypdf in one loop, in a fresh process, without its start",
            "aim": AIM,
            "durability": DURABILITY,
            "bytes": length,
            "pages": sizes.pages,
        },
    )


@asynccontextmanager
async def _warm(session: Session) -> AsyncIterator[Product]:
    """A product whose workers have loaded pypdf, as those of a running service have."""
    async with serving(session) as product:
        first = letters(WARM_UP)
        await upload_all(product.url, first, in_flight=WARM_UP, processor="pdf-text")
        yield product


async def _measure(session: Session, file: BinaryIO, length: int) -> float:
    async with (
        _warm(session) as product,
        watching(product.url) as watcher,
        connected(product.url) as connection,
    ):
        document_id = accepted(await connection.post_file(TARGET, file, length), document_id_of)
        answered = time.perf_counter()
        _, ended = await watcher.end_of(document_id, status="succeeded")
        return ended - answered
