"""Is this table what its events say? Digests of whole tables, and a sample compared row by row."""

import hashlib
from collections.abc import Iterable
from heapq import heappush, heappushpop
from typing import Any, Generic, TypeVar
from zlib import crc32

from sqlalchemy import Connection, Table, select

from events.database import Database
from events.store import EventStore
from projections.folding import sort
from projections.projection import Projection

S = TypeVar("S")

SAMPLED = 100
"""Rows that are folded anew before a build may be read."""


class Sample:
    """An even choice of keys, whatever their order: those with the smallest checksums."""

    def __init__(self, size: int = SAMPLED) -> None:
        self._size = size
        self._worst_first: list[tuple[int, str]] = []
        self._chosen: set[str] = set()

    def add(self, keys: Iterable[str]) -> None:
        """These keys are in the table."""
        for key in keys:
            ranked = (-crc32(key.encode()), key)
            if key in self._chosen:
                continue
            if len(self._chosen) < self._size:
                heappush(self._worst_first, ranked)
                self._chosen.add(key)
            elif ranked > self._worst_first[0]:
                _, dropped = heappushpop(self._worst_first, ranked)
                self._chosen.remove(dropped)
                self._chosen.add(key)

    @property
    def keys(self) -> list[str]:
        """The chosen ones, in order."""
        return sorted(self._chosen)


class Check(Generic[S]):
    """Compares rows of one table with a fresh fold of the streams that they are made of."""

    def __init__(
        self, projection: Projection[S], table: Table, *, store: EventStore, database: Database
    ) -> None:
        self._projection = projection
        self._table = table
        self._store = store
        self._database = database

    async def differing(self, keys: Iterable[str], *, upto: int) -> list[str]:
        """Those of these keys whose row is not the fold of its events up to this position."""
        return [key for key in keys if not await self._is_fold(key, upto)]

    async def _is_fold(self, key: str, upto: int) -> bool:
        stream = self._projection.stream(key)
        if stream is None:
            return True
        log = [one for one in await self._store.read_stream(stream) if one.position <= upto]
        state: S | None = None
        for its, event in sort(self._projection, log, aside=()).events if log else ():
            if its == key:
                state = self._projection.fold(state, event)
        expected = None if state is None else self._projection.row(key, state)
        return expected == await self._database.read(lambda its: self._row(key, its))

    def _row(self, key: str, connection: Connection) -> dict[str, Any] | None:
        found = connection.execute(select(self._table).where(self._table.c.key == key))
        row = found.mappings().one_or_none()
        return None if row is None else dict(row)


def digest(connection: Connection, table: Table) -> str:
    """One number for all rows of a table: equal tables, and only they, have equal digests."""
    total = hashlib.sha256()
    for row in connection.execute(select(table).order_by(table.c.key)):
        total.update(repr(tuple(row)).encode())
    return total.hexdigest()


def digest_of(projection: Projection[S], states: dict[str, S]) -> str:
    """The digest of the table that would hold these states."""
    names = [column.name for column in projection.table.columns]
    total = hashlib.sha256()
    for key in sorted(states):
        row = projection.row(key, states[key])
        total.update(repr(tuple(row[name] for name in names)).encode())
    return total.hexdigest()
