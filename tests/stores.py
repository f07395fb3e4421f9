"""Every event store there is, and events to put into it."""

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from events.chain import GENESIS, header, link
from events.codec import encode
from events.document.facts import CancelRequested
from events.memory import MemoryEventStore
from events.postgres import open_postgres
from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import Append, EventStore, NewEvent, Recorded
from events.wakeup import Wakeup
from migrations import upgrade
from tests.postgres import database_of

Clock = Callable[[], int]


class Log(EventStore, Protocol):
    """A store with the hint that its followers wait for."""

    wakeup: Wakeup


Open = Callable[[Path, Clock], AbstractAsyncContextManager[Log]]

_epochs = itertools.count(1)
_ids = itertools.count(1)


@asynccontextmanager
async def _memory(_folder: Path, clock: Clock) -> AsyncIterator[Log]:
    yield MemoryEventStore(clock)


@asynccontextmanager
async def sqlite_log(folder: Path, clock: Clock) -> AsyncIterator[Log]:
    path = folder / "log.db"
    upgrade("log", path)
    async with (
        open_sqlite(path, durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=_new_epoch) as store,
    ):
        yield store


@asynccontextmanager
async def postgres_log(folder: Path, clock: Clock) -> AsyncIterator[Log]:
    """A log in the database that belongs to this folder; opened twice, it is two nodes."""
    async with (
        open_postgres(database_of(folder), "log", durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=_new_epoch, shared=True) as store,
    ):
        yield store


STORES: Mapping[str, Open] = {
    "memory": _memory,
    "sqlite": sqlite_log,
    "postgresql": postgres_log,
}
DURABLE: Mapping[str, Open] = {"sqlite": sqlite_log, "postgresql": postgres_log}


def _new_epoch() -> str:
    return f"epoch-{next(_epochs)}"


def new_event(text: str = "", *, document_id: str = "a") -> NewEvent:
    """An event that says ``text``; its id is new each time."""
    return NewEvent(
        event_id=f"event-{next(_ids)}",
        fact=CancelRequested(document_id=document_id, by="test", reason=text),
        occurred_at=7,
        correlation_id=document_id,
        meta={"node": "test"},
    )


def append(stream: str, expected: int, *texts: str) -> Append:
    return Append(
        stream=stream,
        expected=expected,
        events=[new_event(text, document_id=stream) for text in texts],
    )


def said(recorded: Sequence[Recorded]) -> list[str]:
    """The texts of these events."""
    return [e.fact.reason for e in recorded if isinstance(e.fact, CancelRequested)]


async def everything(store: EventStore) -> list[Recorded]:
    """The whole log, page by page."""
    found: list[Recorded] = []
    while page := await store.read_all(after=len(found), limit=100):
        found.extend(page)
    return found


def assert_whole(log: Sequence[Recorded]) -> None:
    """What must hold for any log: positions, versions, times and the chain."""
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    versions: dict[str, int] = {}
    chain, recorded_at = GENESIS, 0
    for event in log:
        assert event.version == versions.get(event.stream, 0) + 1
        versions[event.stream] = event.version
        assert event.recorded_at >= recorded_at
        recorded_at = event.recorded_at
        chain = link(chain, header=_header(event), data=encode(event.fact).data)
        assert event.chain == chain


def _header(event: Recorded) -> bytes:
    sealed = msgspec.structs.asdict(event)
    return header(**{name: sealed[name] for name in sealed if name not in ("fact", "chain")})
