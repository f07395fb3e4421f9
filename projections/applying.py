"""One build of a projection goes on along the log: rows and checkpoint in one transaction.

The checkpoint moves by compare-and-set. Whoever finds that it is not where he left it has lost
against another runner of the same build (or the build was replaced) and reads it again. So several
nodes may work on one table, and it is always the fold of the log up to its checkpoint.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, select

from events.database import Database
from events.prepared import AnyOf, Prepared, PreparedRows
from events.store import Recorded
from projections import builds, quarantine
from projections.builds import MOVE
from projections.folding import Folded, Page, Poison, fold, poison, sort
from projections.projection import Projection
from projections.tables import Build, table_of

S = TypeVar("S")

SHORT_PAGE = 50
"""Pages of more events are folded aside, so that nobody waits for a rebuild."""
CACHED = 4096
"""States kept in memory, so that a busy document is not read back for every event."""
MOST_SET_ASIDE = 1000
"""If so many rows cannot be folded, it is the fold that is broken: the projection stops."""

_WRONG_VALUES = frozenset(
    {
        "DataError",
        "IntegrityError",
        "NotSupportedError",
        "OverflowError",
        "ProgrammingError",
        "TypeError",
        "ValueError",
    }
)
"""What drivers raise for a row that the table does not take; all else is the database's trouble."""


class Moved(Exception):
    """Somebody else moved this build's checkpoint, or replaced it; read it again."""


class Stopped(Exception):
    """The build ends before an event that cannot be folded."""

    def __init__(self, name: str, stop: Poison, states: Mapping[str, Any]) -> None:
        """``states`` are those that still changed on the way there."""
        super().__init__(f"{name} stops before position {stop.position}: {stop.error}")
        self.stop = stop
        self.states = states


class Applier(Generic[S]):
    """Applies pages of the log to one build."""

    def __init__(
        self, projection: Projection[S], build: Build, *, database: Database, aside: bool = False
    ) -> None:
        """``aside``: never fold in the event loop; for folds that may be slow."""
        self.build = build
        self.position = build.position
        self.set_aside: dict[str, tuple[int, str]] = {}
        """The rows that do not go on: the position of the event, and what went wrong with it."""
        self.left_out = build.unreadable
        self.table = table_of(projection.table, build.table_name)
        self._projection = projection
        self._database = database
        self._aside = aside
        self._states: OrderedDict[str, S] = OrderedDict()
        self._store = PreparedRows(self.table, key="key")
        found = select(self.table.c.key, self.table.c.state)
        self._find = Prepared(found.where(AnyOf(self.table.c.key, "wanted")))

    async def open(self) -> int:
        """Read where the build stands; raises ``Moved`` if it is gone."""
        self._states.clear()
        self.build, self.set_aside = await self._database.read(self._opened)
        self.position, self.left_out = self.build.position, self.build.unreadable
        return self.position

    async def apply(self, log: Sequence[Recorded]) -> dict[str, S]:
        """Fold these events, which follow on the checkpoint; the rows that changed.

        Raises ``Moved``, or ``Stopped`` after all that could be folded was.
        """
        page = sort(self._projection, log, aside=self.set_aside)
        try:
            folded = await self._applied(page, aside=self._aside or len(log) > SHORT_PAGE)
        except BaseException:
            self._states.clear()  # a fold may have changed what it was given
            raise
        self._advance(folded)
        if folded.stop is not None:
            raise Stopped(self._projection.name, folded.stop, folded.states)
        return folded.states

    async def look(self, after: int) -> dict[str, S]:
        """Open anew; the rows that others have changed behind ``after``.

        Only for a projection whose table has a column ``position``.
        """

        def work(connection: Connection) -> dict[str, S]:
            self.build, self.set_aside = self._opened(connection)
            changed = self.table.c.position > after
            found = select(self.table.c.key, self.table.c.state).where(changed)
            return {key: self._projection.decode(state) for key, state in connection.execute(found)}

        states = await self._database.read(work)
        self._states.clear()
        self.position, self.left_out = self.build.position, self.build.unreadable
        return states

    def _opened(self, connection: Connection) -> tuple[Build, dict[str, tuple[int, str]]]:
        build = builds.again(connection, build=self.build)
        if build is None:
            raise Moved(self.build.table_name)
        return build, quarantine.quarantined(connection, build)

    async def _applied(self, page: Page, *, aside: bool) -> Folded[S]:
        try:
            return await self._attempt(page, aside=aside, carefully=False)
        except WrongValue:
            self._states.clear()
            return await self._attempt(page, aside=aside, carefully=True)

    async def _attempt(self, page: Page, *, aside: bool, carefully: bool) -> Folded[S]:
        if not aside:
            return await self._database.write(
                lambda its: self._written(page, self._folded(page, its), its, carefully)
            )
        missing = [key for key in page.needed if key not in self._states]
        before = self._cached(page.needed)
        if missing:
            before |= await self._database.read(lambda its: self._found_here(missing, its))
        folded = await asyncio.to_thread(fold, self._projection, page, before)
        return await self._database.write(
            lambda its: self._written(page, folded, its, carefully), long=True
        )

    def _folded(self, page: Page, connection: Connection) -> Folded[S]:
        known = self._cached(page.needed)
        missing = [key for key in page.needed if key not in known]
        if missing:
            known |= self._found(missing, connection)
        return fold(self._projection, page, known)

    def _found_here(self, keys: Sequence[str], connection: Connection) -> dict[str, S]:
        now = builds.again(connection, build=self.build)
        if now is None or now.position != self.position:
            raise Moved(self.build.table_name)
        return self._found(keys, connection)

    def _cached(self, keys: Iterable[str]) -> dict[str, S]:
        return {key: self._states[key] for key in keys if key in self._states}

    def _found(self, keys: Sequence[str], connection: Connection) -> dict[str, S]:
        rows = self._find.all(connection, wanted=keys)
        return {key: self._projection.decode(state) for key, state in rows}

    def _written(
        self, page: Page, folded: Folded[S], connection: Connection, carefully: bool
    ) -> Folded[S]:
        if carefully:
            folded = self._store_one_by_one(page, folded, connection)
            self._move(folded, connection)
        else:
            self._move(folded, connection)  # first: it also tells whether the table is still there
            self._store_rows(folded, connection)
        for key, one in folded.set_aside.items():
            quarantine.set_aside(connection, self.build, key, one.position, one.error)
        self._look_for_stop(folded)
        if folded.stop is not None:
            builds.settle(
                connection,
                build=self.build,
                stopped_at=folded.stop.position,
                stale_since=folded.stop.recorded_at,
                error=folded.stop.error,
            )
        return folded

    def _store_rows(self, folded: Folded[S], connection: Connection) -> None:
        if not folded.rows:
            return
        try:
            self._store.run(connection, folded.rows)
        except Exception as error:
            if _is_wrong_value(error):
                raise WrongValue(str(error)) from error
            raise

    def _store_one_by_one(self, page: Page, folded: Folded[S], connection: Connection) -> Folded[S]:
        first = dict(reversed(page.events))
        everything = connection.begin_nested()
        for row in list(folded.rows):
            try:
                with connection.begin_nested():
                    self._store.run(connection, [row])
            except Exception as error:
                key: str = row["key"]
                if not _is_wrong_value(error):
                    raise
                if self._projection.stream(key) is None:
                    everything.rollback()
                    return Folded(end=self.position, stop=poison(None, first[key], error))
                folded.rows.remove(row)
                del folded.states[key]
                folded.set_aside[key] = poison(key, first[key], error)
        everything.commit()
        return folded

    def _look_for_stop(self, folded: Folded[S]) -> None:
        """If so much goes wrong that the fold itself must be broken, end here."""
        if not folded.set_aside:
            return
        first = next(iter(folded.set_aside.values()))
        if len(self.set_aside) + len(folded.set_aside) > MOST_SET_ASIDE:
            text = f"more than {MOST_SET_ASIDE} rows cannot be folded, the last one: {first.error}"
            folded.stop = Poison(None, folded.end + 1, first.recorded_at, text)

    def _move(self, folded: Folded[S], connection: Connection) -> None:
        moved = MOVE.run(
            connection,
            of=self.build.name,
            its=self.build.version,
            number=self.build.build,
            start=self.position,
            end=folded.end,
            left_out=folded.left_out,
        )
        if moved != 1:
            raise Moved(self.build.table_name)

    def _advance(self, folded: Folded[S]) -> None:
        self.position = folded.end
        self.left_out = self.left_out if self.left_out is not None else folded.left_out
        for key, one in folded.set_aside.items():
            self.set_aside[key] = (one.position, one.error)
            self._states.pop(key, None)
        for key, state in folded.states.items():
            self._states[key] = state
            self._states.move_to_end(key)
        while len(self._states) > CACHED:
            self._states.popitem(last=False)


class WrongValue(Exception):
    """The table does not take one of the rows."""


def _is_wrong_value(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _WRONG_VALUES or isinstance(error, sqlite3.InterfaceError):
        return True
    # Some of what a driver says is known only to the driver; SQLAlchemy's error lies above it.
    return error.__cause__ is not None and _is_wrong_value(error.__cause__)
