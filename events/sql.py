"""The log in a database: one writer, explicit positions, group commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, select

from events.appending import Heads, Stream, read_heads, store_rows
from events.batching import GroupCommit
from events.codec import check_upcasts, decode
from events.database import Database
from events.errors import Conflict
from events.heads import Batch, stage
from events.recent import Recent
from events.store import PAGE, Append, Appended, Recorded
from events.tables import events, log_info, streams
from events.wakeup import Wakeup


@asynccontextmanager
async def open_event_store(
    database: Database,
    *,
    clock: Callable[[], int],
    new_epoch: Callable[[], str],
    shared: bool = False,
) -> AsyncIterator["SqlEventStore"]:
    """The log in this database, which must have been migrated; closes after its last commit.

    ``shared`` says that other processes append to it, too.
    """
    check_upcasts()
    epoch = await database.write(partial(_epoch, new_epoch))
    store = SqlEventStore(database, clock, epoch, shared=shared)
    store.wakeup.announce(await store.head())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.commits.run(), name="log-writer")
        try:
            yield store
        finally:
            store.commits.close()


class SqlEventStore:
    """Keeps the promise of ``EventStore`` in a database."""

    def __init__(
        self, database: Database, clock: Callable[[], int], epoch: str, *, shared: bool = False
    ) -> None:
        self.wakeup = Wakeup()
        self.commits = GroupCommit(self._commit, self._committed)
        self._database = database
        self._clock = clock
        self._epoch = epoch
        self._shared = shared
        self._recent = Recent()

    async def append(self, append: Append) -> Appended:
        """Store the events durably; see ``EventStore``."""
        return await self.commits.submit(append)

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``."""
        return await self._database.read(partial(_read_stream, stream, after))

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events behind the position ``after``."""
        page = self._recent.page(after=after, limit=limit)
        # That nothing follows what we appended ourselves is only known if nobody else appends.
        if page is not None and (page or not self._shared):
            return page
        return await self._database.read(partial(_read_all, after, limit))

    async def head(self) -> int:
        """The highest position."""
        return await self._database.read(_head)

    async def epoch(self) -> str:
        """The log's name for itself."""
        return self._epoch

    async def _commit(self, appends: Sequence[Append]) -> Sequence[Appended | Conflict]:
        return await self._database.write(partial(_write, appends, self._clock()))

    def _committed(self, appended: Appended) -> None:
        self._recent.extend(list(appended.recorded))
        self.wakeup.announce(appended.last)


def _epoch(new_epoch: Callable[[], str], connection: Connection) -> str:
    found = select(log_info.c.value).where(log_info.c.name == "epoch")
    epoch: str | None = connection.execute(found).scalar_one_or_none()
    if epoch is None:
        epoch = new_epoch()
        connection.execute(insert(log_info), [{"name": "epoch", "value": epoch}])
    return epoch


_FULL = select(events, streams.c.name).join(streams, streams.c.stream_no == events.c.stream_no)
_PAGE = (
    _FULL.where(events.c.position > bindparam("after"))
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
_STREAM = _FULL.where(
    streams.c.name == bindparam("name"), events.c.version > bindparam("after")
).order_by(events.c.version)


def _head(connection: Connection) -> int:
    return read_heads(connection, []).head.position


def _write(
    appends: Sequence[Append], now: int, connection: Connection
) -> Sequence[Appended | Conflict]:
    heads = read_heads(connection, {append.stream for append in appends})
    versions = {name: stream.version for name, stream in heads.streams.items()}
    batch = stage(appends, head=heads.head, versions=versions, now=now)
    if batch.staged:
        _store(batch, heads, connection)
    return batch.outcomes


def _store(batch: Batch, heads: Heads, connection: Connection) -> None:
    known = dict(heads.streams)
    begun: dict[str, Stream] = {}
    moved: dict[int, int] = {}
    for name, version in batch.versions.items():
        if name in known:
            moved[known[name].number] = version
        else:
            known[name] = begun[name] = Stream(heads.last_number + len(begun) + 1, version)
    rows = [_row(one.recorded, one.data, known) for one in batch.staged]
    store_rows(connection, rows, begun=begun, moved=moved)


def _row(recorded: Recorded, data: bytes, known: dict[str, Stream]) -> dict[str, Any]:
    return {
        "position": recorded.position,
        "stream_no": known[recorded.stream].number,
        "version": recorded.version,
        "event_id": recorded.event_id,
        "type": recorded.type,
        "schema_version": recorded.schema_version,
        "occurred_at": recorded.occurred_at,
        "recorded_at": recorded.recorded_at,
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "data": data.decode(),
        "meta": msgspec.json.encode(recorded.meta, order="sorted").decode(),
        "chain": recorded.chain,
    }


def _read_stream(stream: str, after: int, connection: Connection) -> list[Recorded]:
    rows = connection.execute(_STREAM, {"name": stream, "after": after})
    return [_recorded(row) for row in rows]


def _read_all(after: int, limit: int, connection: Connection) -> list[Recorded]:
    rows = connection.execute(_PAGE, {"after": after, "limit": limit})
    return [_recorded(row) for row in rows]


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        position=row.position,
        stream=row.name,
        version=row.version,
        event_id=row.event_id,
        type=row.type,
        schema_version=row.schema_version,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        fact=decode(row.type, row.schema_version, row.data.encode()),
        meta=msgspec.json.decode(row.meta),
        chain=row.chain,
    )
