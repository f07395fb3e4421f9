"""Data folders with a log in them, as a service would have left them."""

from collections.abc import Iterable
from pathlib import Path

from events.store import Append, EventStore, NewEvent, Recorded, Stored, document_stream
from service.clock import new_id
from tests.chaos_log import Line, chaos
from tests.fakes import FakeClock
from tests.stores import new_event, sqlite_log


async def written(folder: Path, lines: Iterable[Line]) -> list[Stored]:
    """Write these events into this folder's log, recorded when they happened; what is stored."""
    clock = FakeClock()
    async with sqlite_log(made(folder), clock) as store:
        await append_all(store, clock, lines)
        return await all_stored(store)


async def long_log(folder: Path, *, events: int) -> None:
    """A log of that many events, in appends of a hundred."""
    async with sqlite_log(made(folder), FakeClock()) as store:
        for number in range(events // 100):
            name = f"doc_{number}"
            facts = [new_event("because " * 20, document_id=name) for _ in range(100)]
            await store.append(Append(stream=document_stream(name), expected=0, events=facts))


def made(folder: Path) -> Path:
    """The folder, there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def lively(folder: Path, *, documents: int = 12) -> list[Stored]:
    """A log of many events: every document meets other troubles."""
    return await written(folder, chaos(range(documents)))


async def grown(folder: Path, document_id: str, *texts: str) -> list[Stored]:
    """Append an event for each text to the folder's log, as another process would."""
    async with sqlite_log(folder, FakeClock()) as store:
        stream = document_stream(document_id)
        version = len(await store.read_stream(stream))
        events = [new_event(text, document_id=document_id) for text in texts]
        await store.append(Append(stream=stream, expected=version, events=events))
        return await all_stored(store)


async def append_all(store: EventStore, clock: FakeClock, lines: Iterable[Line]) -> None:
    versions: dict[str, int] = {}
    for now, fact in lines:
        clock.now = now
        stream = document_stream(fact.document_id)
        event = NewEvent(
            event_id=new_id(),
            fact=fact,
            occurred_at=now,
            correlation_id=fact.document_id,
            meta={"node": "n1"},
        )
        expected = versions.get(stream, 0)
        await store.append(Append(stream=stream, expected=expected, events=[event]))
        versions[stream] = expected + 1


async def all_stored(store: EventStore) -> list[Stored]:
    """The whole log as it is stored."""
    found: list[Stored] = []
    while page := await store.read_stored(after=len(found)):
        found += page
    return found


async def all_recorded(store: EventStore) -> list[Recorded]:
    """The whole log as facts."""
    found: list[Recorded] = []
    while page := await store.read_all(after=len(found)):
        found += page
    return found
