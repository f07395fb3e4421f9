"""The log in a database: one writer, explicit positions, group commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from events import reading
from events.appending import Heads, read_heads, store_events
from events.batching import GroupCommit
from events.codec import CODEC, Codec
from events.database import Database
from events.decoding import recorded
from events.errors import InvalidEvent, LogUnavailable
from events.heads import Outcome, stage
from events.intake import Admitted, admit, can_be_stream
from events.privacy import Privacy
from events.recent import Recent
from events.store import PAGE, Append, Appended, Recorded, Stored
from events.verify import Verifier
from events.wakeup import Wakeup


@asynccontextmanager
async def open_event_store(
    database: Database,
    *,
    clock: Callable[[], int],
    new_epoch: Callable[[], str],
    codec: Codec = CODEC,
    privacy: Privacy | None = None,
    shared: bool = False,
) -> AsyncIterator["SqlEventStore"]:
    """The log in this database, which must have been migrated; closes after its last commit.

    ``shared`` says that other processes append to it, too.
    """
    epoch = await database.write(partial(reading.epoch, new_epoch))
    store = SqlEventStore(database, clock, epoch, codec=codec, privacy=privacy, shared=shared)
    store.wakeup.announce(await store.head())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.commits.run(), name="log-writer")
        try:
            yield store
        finally:
            store.commits.close()


async def read_only(
    database: Database, *, codec: Codec = CODEC, privacy: Privacy | None = None
) -> "SqlEventStore":
    """The log in this database, for whoever only reads it: nothing is written, not even its name.

    Raises ``LogUnavailable`` if there is none.
    """
    epoch = await database.read(reading.known_epoch)
    if epoch is None:
        raise LogUnavailable("the database holds no log yet; start the service once")
    return SqlEventStore(database, _no_time, epoch, codec=codec, privacy=privacy)


class SqlEventStore:
    """Keeps the promise of ``EventStore`` in a database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        epoch: str,
        *,
        codec: Codec = CODEC,
        privacy: Privacy | None = None,
        shared: bool = False,
    ) -> None:
        self.wakeup = Wakeup()
        self.commits = GroupCommit(self._commit, self._committed)
        self.database = database
        self._clock = clock
        self._epoch = epoch
        self._codec = codec
        self._privacy = privacy
        self._shared = shared
        self._recent = Recent()
        self._heads: Heads | None = None

    async def append(self, append: Append) -> Appended:
        """Store the events durably; see ``EventStore``."""
        sealed = append.events if self._privacy is None else await self._privacy.seal(append.events)
        appended = await self.commits.submit(admit(append, sealed=sealed, codec=self._codec))
        if self._privacy is not None and appended.repeated:
            recorded = await self._privacy.open(appended.recorded)
            return msgspec.structs.replace(appended, recorded=recorded)
        return appended

    async def read_stream(self, stream: str, *, after: int = 0) -> list[Recorded]:
        """The stream's events with a version above ``after``."""
        if not can_be_stream(stream):
            return []
        read = partial(reading.stream, stream, after)
        return await self.opened(await self.database.read(read))

    async def read_all(self, *, after: int, limit: int = PAGE) -> list[Recorded]:
        """Up to ``limit`` events behind the position ``after``; raises ``Archived``."""
        page = self._recent.page(after=after, limit=limit)
        # That nothing follows what we appended ourselves is only known if nobody else appends.
        nothing_follows = not self._shared and after >= self.wakeup.head
        if page is not None and (page or nothing_follows):
            return page
        return await self.opened(await self.read_stored(after=after, limit=limit))

    async def read_stored(self, *, after: int, limit: int = PAGE) -> list[Stored]:
        """The same page as it is stored; raises ``Archived``."""
        return await self.database.read(partial(_page, after, limit))

    async def restore(self, stored: Sequence[Stored]) -> None:
        """Write these events as they are; see ``EventStore``."""
        if stored:
            await self.database.write(partial(_restore, stored), long=True)
            self.wakeup.announce(stored[-1].position)

    async def head(self) -> int:
        """The highest position."""
        return await self.database.read(reading.head)

    async def floor(self) -> int:
        """The highest archived position."""
        return await self.database.read(reading.floor)

    async def position_at(self, microseconds: int) -> int:
        """The last position recorded at this time or before."""
        return await self.database.read(partial(reading.position_at, microseconds))

    async def epoch(self) -> str:
        """The log's name for itself."""
        return self._epoch

    def forget_recent(self) -> None:
        """Let go of the opened events in memory, such as after a key was destroyed."""
        self._recent.clear()

    async def opened(self, stored: Sequence[Stored]) -> list[Recorded]:
        """These events as facts, with what is sealed in them opened as far as it can be."""
        if len(stored) > PAGE:  # a long page would hold up everybody else
            decoded = await asyncio.to_thread(_decoded, stored, self._codec)
        else:
            decoded = _decoded(stored, self._codec)
        return decoded if self._privacy is None else await self._privacy.open(decoded)

    async def _commit(self, appends: Sequence[Admitted]) -> Sequence[Outcome]:
        # If this fails nobody knows what is true, and the next one asks.
        before, self._heads = self._heads, None
        work = partial(_write, appends, self._clock(), self._codec, before)
        outcomes, self._heads = await self.database.write(work)
        return outcomes

    def _committed(self, appended: Sequence[Appended]) -> None:
        for one in appended:
            if not one.repeated:
                self._recent.extend(one.recorded)
        if appended:
            self.wakeup.announce(max(one.last for one in appended))


def _no_time() -> int:
    raise AssertionError("a log that is only read gives no event a time")


def _write(
    appends: Sequence[Admitted],
    now: int,
    codec: Codec,
    before: Heads | None,
    connection: Connection,
) -> tuple[Sequence[Outcome], Heads]:
    def earlier(stream: str, after: int, limit: int) -> list[Recorded]:
        return [
            recorded(one, codec) for one in reading.stream(stream, after, connection, limit=limit)
        ]

    heads = read_heads(connection, {append.stream for append in appends}, before=before)
    batch = stage(
        appends,
        head=heads.head,
        versions=heads.versions,
        now=now,
        earlier=earlier,
    )
    if batch.staged:
        written = [(one.recorded, one.data, one.meta) for one in batch.staged]
        heads = store_events(
            connection, written, versions=batch.versions, heads=heads, head=batch.head
        )
    return batch.outcomes, heads


def _page(after: int, limit: int, connection: Connection) -> list[Stored]:
    try:
        return reading.page(after, limit, connection)
    except DBAPIError:
        # A text may be damaged so that it is none any more; whoever verifies needs it all the same.
        return reading.raw_page(after, limit, connection)


def _decoded(stored: Sequence[Stored], codec: Codec) -> list[Recorded]:
    return [recorded(one, codec) for one in stored]


def _restore(stored: Sequence[Stored], connection: Connection) -> None:
    heads = read_heads(connection, {one.stream for one in stored})
    verifier = Verifier(heads.head, heads.versions)
    damage = verifier.check(stored)
    if damage is not None:
        raise InvalidEvent(f"position {damage.position} does not follow: {damage.why}")
    written = [(one, one.data, one.meta) for one in stored]
    store_events(
        connection,
        written,
        versions={one.stream: one.version for one in stored},
        heads=heads,
        head=verifier.head,
    )
