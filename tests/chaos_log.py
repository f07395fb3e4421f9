"""A log of several documents' lives, made by the real decisions in worlds where much goes wrong."""

from collections.abc import Iterable
from uuid import UUID

from msgspec.structs import replace

from events.document.facts import DocumentEvent
from events.memory import MemoryEventStore
from events.store import Append, NewEvent, document_stream
from tests.fakes import START, FakeClock
from tests.property.document_chaos import World
from tests.property.document_rules import Rules

Line = tuple[int, DocumentEvent]
"""When it happened (microseconds), and what."""


def chaos(seeds: Iterable[int]) -> list[Line]:
    """What happened in these worlds, one document in each, in the order of their clocks."""
    lines = []
    for seed in seeds:
        lines += [
            (line.now, seed, number, replace(line.event, document_id=f"doc_{seed}"))
            for number, line in enumerate(World(seed, Rules()).run())
        ]
    return [(now, event) for now, _, _, event in sorted(lines, key=lambda line: line[:3])]


async def told(facts: Iterable[DocumentEvent]) -> MemoryEventStore:
    """A log that holds these facts, a second apart."""
    return await stored((START + number * 1_000_000, fact) for number, fact in enumerate(facts))


async def stored(lines: Iterable[Line]) -> MemoryEventStore:
    """A log that holds these, recorded when they happened."""
    clock = FakeClock()
    store = MemoryEventStore(clock)
    versions: dict[str, int] = {}
    for number, (now, fact) in enumerate(lines):
        clock.now = now
        stream = document_stream(fact.document_id)
        event = NewEvent(
            event_id=str(UUID(int=number)), fact=fact, occurred_at=now, correlation_id="c"
        )
        await store.append(Append(stream=stream, expected=versions.get(stream, 0), events=[event]))
        versions[stream] = versions.get(stream, 0) + 1
    return store
