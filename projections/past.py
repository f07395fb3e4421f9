"""Documents and the queue as they were at a past position: the same answer as a fresh replay.

What each question costs is bounded by what has happened since, never by the length of the log:

* one document: its own stream, up to the position;
* a page of a list: a row that has not changed since is taken as it is, the others are folded from
  their streams: at most one stream per row that is shown, and one to see whether more follows; with
  a filter at most ``EXAMINED``, and a page that ends there is short, and says where to go on;
* the queue: one stream for each document that was on its way then (or has come back since), and
  one minute of the log for the minute that was not over yet; all others are read as they are.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from events.database import Database
from events.document.state import Status
from events.errors import LogUnavailable
from events.store import PAGE, EventStore, Recorded, document_stream
from projections import queues
from projections.document_rows import DOCUMENTS, WAITING, DocumentRows
from projections.documents import Tracked
from projections.folding import fold, sort
from projections.lookups import Lookups, Page, page_of
from projections.projection import Projection
from projections.queues import MINUTE, QUEUE_MINUTES, Minute, QueueView

S = TypeVar("S")

EXAMINED = 2000
"""Streams that are folded for one page of a filtered list, at most."""
CHUNK = 200
"""Rows that are looked at in one transaction."""


class NotReached(LogUnavailable):
    """The tables do not tell of this position yet."""

    def __init__(self, position: int, reached: int) -> None:
        super().__init__(
            f"the tables tell of position {reached}, and not of {position} yet; try again shortly"
        )
        self.position = position
        self.reached = reached


class Past:
    """Answers for a position of the log that may lie long ago."""

    def __init__(self, database: Database, store: EventStore, lookups: Lookups) -> None:
        self._database = database
        self._store = store
        self._lookups = lookups

    async def document(self, document_id: str, *, at: int) -> Tracked | None:
        """The document as it was at the position ``at``; ``None`` if it was not there yet."""
        stream = await self._store.read_stream(document_stream(document_id))
        return folded(DOCUMENTS, stream, upto=at).get(document_id)

    async def page(
        self,
        *,
        at: int,
        limit: int,
        before: int | None = None,
        status: Sequence[str] = (),
        owner: str | None = None,
    ) -> Page:
        """Documents as they were at the position ``at``; raises ``NotReached``.

        ``before`` is that of the page before; ``status`` is what the documents had then. A page may
        be short, and even empty, and yet have a ``before``: many documents were looked at and few
        fitted the filter.
        """
        await self._reach(at)
        found: list[Tracked] = []
        looked_at = 0
        while len(found) <= limit and looked_at < EXAMINED:
            size = min(CHUNK, limit + 1 - len(found))
            rows = await self._database.read(
                partial(_rows, at, size, before=before, status=status, owner=owner)
            )
            for row in rows:
                then = row if row.position <= at else await self.document(row.document.id, at=at)
                if then is not None and (not status or then.document.status in status):
                    found.append(then)
            if len(rows) < size:
                return page_of(found, limit=limit, position=at)
            before = rows[-1].first_position
            looked_at += len(rows)
        if len(found) > limit:
            return page_of(found, limit=limit, position=at)
        return Page(position=at, documents=found, before=before)

    async def queue(self, *, at: int, now: int, minutes: int) -> QueueView:
        """The queue at the position ``at`` and its ``minutes`` before ``now``.

        ``now`` is the time then, in microseconds; raises ``NotReached``.
        """
        await self._reach(at)
        numbers, changed, oldest = await self._database.read(partial(_numbers, at))
        for document_id, status_now in changed:
            numbers[Status(status_now)] -= 1
            then = await self.document(document_id, at=at)
            if then is None:
                continue
            numbers[then.document.status] += 1
            oldest = _older(oldest, then)
        return queues.summary(
            position=at,
            numbers=numbers,
            oldest=oldest,
            history=await self._minutes(at, since=now // MINUTE - minutes),
        )

    async def _minutes(self, at: int, *, since: int) -> list[Minute]:
        if at == 0:
            return []
        [last] = await self._store.read_all(after=at - 1, limit=1)
        partial_minute = last.recorded_at // MINUTE
        whole = await self._database.read(partial(queues.history, since=since, upto=partial_minute))
        begins = await self._store.position_at(partial_minute * MINUTE - 1)
        minute: dict[str, Minute] = {}
        for after in range(begins, at, PAGE):
            page = await self._store.read_all(after=after, limit=min(PAGE, at - after))
            minute = folded(QUEUE_MINUTES, page, upto=at, states=minute)
        ours = [one for one in minute.values() if one.minute > since]
        return [*ours, *whole]

    async def _reach(self, position: int) -> None:
        if not await self._lookups.reach_all(position):
            raise NotReached(position, self._lookups.position)


def folded(
    projection: Projection[S],
    events: Sequence[Recorded],
    *,
    upto: int,
    states: Mapping[str, S] | None = None,
) -> dict[str, S]:
    """The states of all keys after these events, up to a position; the fold of a fresh replay."""
    then = [event for event in events if event.position <= upto]
    before = dict(states or {})
    if not then:
        return before
    page = sort(projection, then, aside=())
    return before | fold(projection, page, before).states


def _rows(at: int, limit: int, connection: Connection, **wanted: Any) -> list[Tracked]:
    return _then(at, connection).existing(at=at, limit=limit, **wanted)


def _numbers(
    at: int, connection: Connection
) -> tuple[dict[Status, int], list[tuple[str, str]], tuple[str, int] | None]:
    rows = _then(at, connection)
    return (
        rows.counts(upto=at),
        rows.changed_since(at=at),
        rows.oldest_waiting(unchanged_since=at),
    )


def _then(at: int, connection: Connection) -> DocumentRows:
    rows = DocumentRows(connection)
    if rows.position < at:
        raise NotReached(at, rows.position)
    return rows


def _older(oldest: tuple[str, int] | None, other: Tracked) -> tuple[str, int] | None:
    """Which of them has waited longer; the other only if it waits at all."""
    document = other.document
    if document.status not in WAITING:
        return oldest
    if oldest is None:
        return document.id, document.waiting_since
    return min(oldest, (document.id, document.waiting_since), key=lambda one: (one[1], one[0]))
