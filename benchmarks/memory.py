"""What the server holds in memory: at rest, and after a run of documents."""

from collections.abc import AsyncIterator

from benchmarks.documents import IN_FLIGHT, letters
from benchmarks.figure import Figure
from benchmarks.load import upload_all
from benchmarks.processes import Memory, settled_memory_of
from benchmarks.product import DURABILITY, serving
from benchmarks.session import Session

PROCESSES = (
    "service: resident memory of the process that serves; all-processes: with one worker per "
    "processor, shared pages counted once (PSS) where the system tells"
)


async def run(session: Session) -> AsyncIterator[Figure]:
    """At rest and after the run, in the same server."""
    rest: list[Memory] = []
    after: list[Memory] = []
    documents = letters(session.sizes.documents)
    for _ in range(session.rounds):
        async with serving(session) as product:
            rest.append(await settled_memory_of(product.processes()))
            await upload_all(product.url, documents, in_flight=IN_FLIGHT, processor="pdf-text")
            after.append(await settled_memory_of(product.processes()))
    for when, count, found in (
        ("at-rest", 0, rest),
        ("after-documents", len(documents), after),
    ):
        conditions = {"durability": DURABILITY, "documents": count, "processes": PROCESSES}
        for whose, values in (
            ("service", [one.service for one in found]),
            ("all-processes", [one.all for one in found]),
        ):
            yield session.figure(f"memory/{when}/{whose}", values, "MB", conditions=conditions)
