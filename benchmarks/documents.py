"""Upload to `succeeded`: 500 one-page PDFs, ten in flight, through the started product.

A document counts when the feed has shown its end; one connection listens to all of them. Measured
with the default processor, and with the one that does nothing, which leaves the product's own cost.

The floor of the empty work is ``http_floor``: the same load against a bare program that keeps each
body and three events a job durably. The floor of the real work is ``pdf_floor``: pypdf over the
same files in one loop, divided by the number of processors, as if they shared it evenly.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from benchmarks import http_floor, pdf_floor
from benchmarks.figure import Figure
from benchmarks.load import Run, upload_all
from benchmarks.processes import processor_seconds_of
from benchmarks.product import DURABILITY, serving
from benchmarks.rounds import middle, percentile
from benchmarks.session import Session
from service.processing.pool import available_cores
from service.samples import one_page

IN_FLIGHT = 10
DRAWN = 50
"""So many different documents are drawn; they take turns."""
WARM_UP = 20

ELSEWHERE = "`scripts/bench peers` has PgQueuer, Celery and BullMQ in the same rounds"


@dataclass(slots=True)
class Rounds:
    """What the rounds gave, in the order of the rounds."""

    runs: list[Run] = field(default_factory=list)
    processor_milliseconds: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)


async def run(session: Session) -> AsyncIterator[Figure]:
    """The empty work, then the real one, each with its floor in the same round."""
    documents = letters(session.sizes.documents)
    empty, real = Rounds(), Rounds()
    for _ in range(session.rounds):
        await measure(session, documents, "none", empty)
        empty.floors.append(await http_floor.measure(session, documents, in_flight=IN_FLIGHT))
        await measure(session, documents, "pdf-text", real)
        real.floors.append(pdf_floor.documents_a_second(documents) * available_cores())
    for figure in _figures(session, "documents/none", empty, http_floor.MEANING):
        yield figure
    for figure in _figures(session, "documents/pdf-text", real, pdf_floor.MEANING):
        yield figure


def letters(count: int) -> list[bytes]:
    """One-page documents."""
    drawn = [one_page(f"Letter {number}") for number in range(min(DRAWN, count))]
    return [drawn[number % len(drawn)] for number in range(count)]


async def measure(
    session: Session, documents: Sequence[bytes], processor: str, rounds: Rounds
) -> None:
    """One round of a fresh product."""
    async with serving(session) as product:
        warm_up = documents[:WARM_UP]
        await upload_all(product.url, warm_up, in_flight=IN_FLIGHT, processor=processor)
        processes = product.processes()
        before = processor_seconds_of(processes)
        run = await upload_all(product.url, documents, in_flight=IN_FLIGHT, processor=processor)
        used = processor_seconds_of(processes) - before
    rounds.runs.append(run)
    rounds.processor_milliseconds.append(1000 * used / len(documents))


def _figures(session: Session, bench: str, rounds: Rounds, floor_is: str) -> list[Figure]:
    runs = rounds.runs
    conditions = {
        "floor_is": floor_is,
        "durability": DURABILITY,
        "documents": session.sizes.documents,
        "in_flight": IN_FLIGHT,
        "seen_by": "one connection to /v1/feed/all",
        "processor_ms_per_document": middle(rounds.processor_milliseconds),
        "ms_to_202_p50": middle([_milliseconds(run, "answered", 0.5) for run in runs]),
        "ms_in_the_log_p50": middle([_milliseconds(run, "recorded", 0.5) for run in runs]),
        "peers": ELSEWHERE,
    }
    rate = session.figure(
        bench,
        [run.rate for run in runs],
        "documents/s",
        floor=rounds.floors,
        conditions=conditions,
    )
    latencies = [
        session.figure(
            f"{bench}/{name}",
            [_milliseconds(run, "seen", share) for run in runs],
            "ms",
            conditions=conditions,
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
    return [rate, *latencies]


def _milliseconds(run: Run, part: str, share: float) -> float:
    return 1000 * percentile([getattr(trip, part) for trip in run.trips], share)
