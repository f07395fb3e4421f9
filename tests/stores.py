"""Every event store there is, and events to put into it."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, insert, text

from events.chain import GENESIS
from events.codec import encode
from events.document.facts import CancelRequested
from events.memory import MemoryEventStore
from events.postgres import open_postgres
from events.sql import SqlEventStore, open_event_store
from events.sqlite import open_sqlite
from events.store import Append, EventStore, NewEvent, Recorded, Stored, Unreadable
from events.tables import log_info
from events.verify import sealed
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


async def archive(store: Log, upto: int) -> None:
    """Take away what lies at these positions, as an archiver does; the last event stays."""
    if isinstance(store, MemoryEventStore):
        store.archive(upto)
    elif isinstance(store, SqlEventStore):
        store.forget_recent()
        await store.database.write(partial(_archive, upto))


def _archive(upto: int, connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER events_no_removal"))
    else:
        connection.execute(text("ALTER TABLE events DISABLE TRIGGER USER"))
    connection.execute(text("DELETE FROM events WHERE position <= :upto"), {"upto": upto})
    connection.execute(insert(log_info), [{"name": "floor", "value": str(upto)}])


STORES: Mapping[str, Open] = {
    "memory": _memory,
    "sqlite": sqlite_log,
    "postgresql": postgres_log,
}
DURABLE: Mapping[str, Open] = {"sqlite": sqlite_log, "postgresql": postgres_log}


def _new_epoch() -> str:
    return f"epoch{next(_epochs)}"


def new_ids_from(first: int) -> None:
    """For a process whose ids must not be those of another one."""
    global _ids
    _ids = itertools.count(first + 1)


def new_event(text: str = "", *, document_id: str = "a") -> NewEvent:
    """An event that says ``text``; its id is new each time."""
    return NewEvent(
        event_id=str(UUID(int=next(_ids))),
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


def stored(
    *events: tuple[str, int, bytes], stream: str, after: Sequence[Stored] = ()
) -> list[Stored]:
    """Sealed events of any type, version and data, which continue a log and one stream in it."""
    run: list[Stored] = []
    reached = sum(one.stream == stream for one in after)
    for number, (type_name, schema_version, data) in enumerate(events, start=1):
        before = [*after, *run][-1:]
        unsealed = Stored(
            position=len(after) + number,
            stream=stream,
            version=reached + number,
            event_id=str(UUID(int=2**64 + len(after) + number)),
            type=type_name,
            schema_version=schema_version,
            occurred_at=7,
            recorded_at=before[0].recorded_at if before else 8,
            correlation_id="c",
            causation_id=None,
            data=data,
            meta=b"{}",
            chain=GENESIS,
        )
        run.append(
            replace(unsealed, chain=sealed(unsealed, before[0].chain if before else GENESIS))
        )
    return run


async def everything(store: EventStore) -> list[Recorded]:
    """The whole log, page by page."""
    found: list[Recorded] = []
    while page := await store.read_all(after=len(found), limit=100):
        found.extend(page)
    return found


async def everything_stored(store: EventStore) -> list[Stored]:
    """The whole log as it is stored, page by page."""
    found: list[Stored] = []
    while page := await store.read_stored(after=len(found), limit=100):
        found.extend(page)
    return found


def assert_whole(log: Sequence[Recorded]) -> None:
    """What must hold for any log: positions, versions, times and the chain.

    Spelled out here once more, apart from ``events.verify``, so that one mistake is not two.
    """
    assert [event.position for event in log] == list(range(1, len(log) + 1))
    versions: dict[str, int] = {}
    chain, recorded_at = GENESIS, 0
    for event in log:
        assert event.version == versions.get(event.stream, 0) + 1
        versions[event.stream] = event.version
        assert event.recorded_at >= recorded_at
        recorded_at = event.recorded_at
        assert not isinstance(event.fact, Unreadable)
        chain = _link(chain, _header(event), encode(event.fact).data)
        assert event.chain == chain


def _header(event: Recorded) -> bytes:
    fields = msgspec.structs.asdict(event)
    kept = {name: fields[name] for name in fields if name not in ("fact", "chain")}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _link(previous: bytes, header: bytes, data: bytes) -> bytes:
    return sha256(previous + sha256(header).digest() + sha256(data).digest()).digest()
