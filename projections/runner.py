"""Applies the log to a projection: rows and checkpoint in one transaction, or neither."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from events.database import Database
from events.follow import follow
from events.prepared import AnyOf, Prepared, PreparedRows
from events.store import PAGE, EventStore, Recorded
from events.wakeup import Wakeup
from projections.projection import Projection, checkpoints, metadata

S = TypeVar("S")

SHORT_PAGE = 50
"""Pages of more events are folded aside, so that nobody waits for a rebuild."""
CACHED = 4096
"""States kept in memory, so that a busy document is not read back for every event."""

Applied = Callable[[int, Sequence[S]], None]
"""Hears the new checkpoint and the states that changed on the way to it."""


class Moved(Exception):
    """Somebody else moved this projection's checkpoint; read it again."""


def create_tables(connection: Connection) -> None:
    """Make the tables of all projections that are not there yet."""
    metadata.create_all(connection)


class Runner(Generic[S]):
    """Keeps one projection up to date."""

    def __init__(
        self,
        projection: Projection[S],
        *,
        store: EventStore,
        database: Database,
        log: Wakeup,
        on_applied: Applied[S] | None = None,
    ) -> None:
        self.applied = Wakeup()
        self.position = 0
        self._projection = projection
        self._store = store
        self._database = database
        self._log = log
        self._on_applied = on_applied
        self._states: OrderedDict[str, S] = OrderedDict()
        self._statements = _Statements(projection)

    async def run(self) -> None:
        """Follow the log for ever, from the checkpoint on."""
        while True:
            self._states.clear()
            self.position = await self._database.write(self._checkpoint)
            self.applied.announce(self.position)
            try:
                async for page in follow(self._store, after=self.position, wakeup=self._log):
                    await self._apply(page)
                    if self._projection.linger and len(page) < PAGE:
                        await asyncio.sleep(self._projection.linger)
            except Moved:
                continue

    async def _apply(self, page: list[Recorded]) -> None:
        reached = page[-1].position
        states = await self._database.write(
            partial(self._write, page, self.position, reached), long=len(page) > SHORT_PAGE
        )
        self._remember(states)
        self.position = reached
        if self._on_applied is not None:
            self._on_applied(reached, list(states.values()))
        self.applied.announce(reached)

    def _checkpoint(self, connection: Connection) -> int:
        found = select(checkpoints.c.position).where(
            checkpoints.c.name == self._projection.name,
            checkpoints.c.version == self._projection.version,
        )
        position: int | None = connection.execute(found).scalar_one_or_none()
        if position is None:
            connection.execute(delete(self._projection.table))
            start = {"name": self._projection.name, "version": self._projection.version}
            connection.execute(insert(checkpoints), [{**start, "position": 0}])
        return position or 0

    def _write(
        self, page: list[Recorded], start: int, end: int, connection: Connection
    ) -> dict[str, S]:
        states = self._folded(page, connection)
        if states:
            self._store_rows(states, connection)
        moved = self._statements.move.run(
            connection,
            of=self._projection.name,
            its=self._projection.version,
            start=start,
            end=end,
        )
        if moved != 1:
            raise Moved(self._projection.name)
        return states

    def _folded(self, page: list[Recorded], connection: Connection) -> dict[str, S]:
        keyed = [(key, event) for event in page if (key := self._projection.key(event))]
        begun = {key for key, event in keyed if self._projection.begins(event)}
        before = self._loaded({key for key, _ in keyed} - begun, connection)
        states: dict[str, S] = {}
        for key, event in keyed:
            states[key] = self._projection.fold(states.get(key, before.get(key)), event)
        return states

    def _loaded(self, keys: set[str], connection: Connection) -> dict[str, S]:
        known = {key: self._states[key] for key in keys if key in self._states}
        unknown = list(keys - known.keys())
        if unknown:
            for key, state in self._statements.find.all(connection, wanted=unknown):
                known[key] = self._projection.decode(state)
        return known

    def _store_rows(self, states: dict[str, S], connection: Connection) -> None:
        rows = [
            {
                "key": key,
                "state": self._projection.encode(state),
                **self._projection.columns(state),
            }
            for key, state in states.items()
        ]
        self._statements.store.run(connection, rows)

    def _remember(self, states: dict[str, S]) -> None:
        for key, state in states.items():
            self._states[key] = state
            self._states.move_to_end(key)
        while len(self._states) > CACHED:
            self._states.popitem(last=False)


class _Statements:
    """What the runner says to the database, for one projection."""

    def __init__(self, projection: Projection[S]) -> None:
        table = projection.table
        found = select(table.c.key, table.c.state)
        self.find = Prepared(found.where(AnyOf(table.c.key, "wanted")))
        self.store = PreparedRows(table, key="key")
        self.move = Prepared(
            update(checkpoints)
            .where(
                checkpoints.c.name == bindparam("of"),
                checkpoints.c.version == bindparam("its"),
                checkpoints.c.position == bindparam("start"),
            )
            .values(position=bindparam("end"))
        )
