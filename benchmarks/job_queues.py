"""Ours beside other job queues: 10,000 jobs that do nothing, durably, in the same rounds.

Ours are the broker's deliveries to a receiver that does nothing, one by one and in batches
(``broker``), and documents with a processor that does nothing (``documents``). A peer's time goes
from its first enqueue to the last job that ran, with workers that wait already. What is not
installed has a line that says so, and no figure.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from benchmarks import broker, documents, product
from benchmarks.figure import Figure
from benchmarks.job_peers import PEERS, WORKERS, Peer, measure
from benchmarks.job_run import Drained
from benchmarks.rounds import middle
from benchmarks.session import Session

NO_BATCHES = "one by one: it has no call that enqueues several jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """One of our figures, in the order of the rounds."""

    bench: str
    unit: str
    batched: bool
    conditions: Mapping[str, object]
    rates: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to use a peer."""

    batch: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A peer's rounds, or why it has none."""

    peer: Peer
    missing: str | None
    rounds: dict[Way, list[Drained]] = field(default_factory=dict)

    def ways(self) -> list[Way]:
        """All that are measured in each round."""
        batches = (1, broker.BATCH) if self.peer.batches else (1,)
        return [Way(batch=batch, workers=workers) for batch in batches for workers in WORKERS]

    def tried(self, *, batched: bool) -> dict[Way, float]:
        """The rates of those that one of ours may be compared with."""
        batch = broker.BATCH if batched and self.peer.batches else 1
        return {
            way: middle([drained.rate for drained in rounds])
            for way, rounds in self.rounds.items()
            if way.batch == batch
        }


async def run(session: Session) -> AsyncIterator[Figure]:
    """Ours and theirs in turn, round after round."""
    own = ours_of(session)
    others = [Beside(peer=peer, missing=peer.missing()) for peer in PEERS]
    for _ in range(session.rounds):
        await _measure_ours(session, own)
        for beside in others:
            if beside.missing is None:
                await _measure_theirs(session, beside)
    for one in own:
        for beside in others:
            yield figure_of(session, one, beside)


def ours_of(session: Session) -> tuple[Own, Own, Own]:
    """Deliveries one by one, deliveries in batches, documents; nothing is measured yet."""
    delivering = {
        "durability": broker.DURABILITY,
        "messages": session.sizes.messages,
        "clients": broker.CLIENTS,
    }
    return (
        Own(bench="peers/deliver", unit="messages/s", batched=False, conditions=delivering),
        Own(
            bench="peers/deliver-batched",
            unit="messages/s",
            batched=True,
            conditions={**delivering, "batch": broker.BATCH},
        ),
        Own(
            bench="peers/documents-none",
            unit="documents/s",
            batched=False,
            conditions={
                "durability": product.DURABILITY,
                "documents": session.sizes.documents,
                "in_flight": documents.IN_FLIGHT,
                "differs": "a document is uploaded when an earlier one has been seen to end; "
                "the peer's jobs are enqueued as fast as it takes them, and have no history",
            },
        ),
    )


def figure_of(session: Session, own: Own, beside: Beside) -> Figure:
    """One of ours beside one of theirs, in the way that is its fastest."""
    tried = beside.tried(batched=own.batched)
    fastest = max(tried, key=lambda way: tried[way], default=None)
    drained = beside.rounds[fastest] if fastest else []
    return session.figure(
        f"{own.bench}/{beside.peer.name}",
        own.rates,
        own.unit,
        peer=[one.rate for one in drained],
        peer_name=drained[0].version if drained else None,
        conditions={
            **own.conditions,
            **(_conditions(own, beside, fastest) if fastest else _missing(beside)),
        },
    )


def _missing(beside: Beside) -> Mapping[str, object]:
    return {"peer_missing": f"{beside.peer.title}: {beside.missing}"}


def _conditions(own: Own, beside: Beside, fastest: Way) -> Mapping[str, object]:
    peer, drained = beside.peer, beside.rounds[fastest]
    tried = beside.tried(batched=own.batched)
    return {
        "peer_jobs": drained[0].jobs,
        "peer_durability": peer.durability,
        "peer_setup": peer.setup,
        "peer_workers": fastest.workers,
        "peer_by_workers": {way.workers: round(rate, 1) for way, rate in tried.items()},
        "peer_enqueues": _enqueues(peer, batched=own.batched),
        "peer_jobs_a_second_while_enqueuing": middle([one.enqueuing_rate for one in drained]),
    }


def _enqueues(peer: Peer, *, batched: bool) -> str:
    if not batched:
        return "one by one"
    return f"in batches of {broker.BATCH}" if peer.batches else NO_BATCHES


async def _measure_ours(session: Session, own: tuple[Own, Own, Own]) -> None:
    alone, batched, empty = own
    for one, batch in ((alone, 1), (batched, broker.BATCH)):
        rate, _ = await broker.deliver(session, batch=batch)
        one.rates.append(rate)
    rounds = documents.Rounds()
    letters = documents.letters(session.sizes.documents)
    await documents.measure(session, letters, "none", rounds)
    empty.rates.extend(run.rate for run in rounds.runs)


async def _measure_theirs(session: Session, beside: Beside) -> None:
    jobs = session.sizes.messages
    for way in beside.ways():
        with session.fresh_folder() as folder:
            drained = await measure(
                beside.peer, folder, jobs=jobs, batch=way.batch, workers=way.workers
            )
        beside.rounds.setdefault(way, []).append(drained)
