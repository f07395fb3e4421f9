"""All projections by name: how each is, its rows for whoever asks, and a rebuild on request."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from events.database import Database
from events.errors import Refused
from projections import builds
from projections.builds import source
from projections.lookups import PATIENCE_SECONDS, reached
from projections.quarantine import quarantined
from projections.runner import Runner
from projections.tables import BUILDING, FAILED, Build

SHOWN = 100
"""Rows that are set aside are named up to this number; all are counted."""


class ProjectionUnknown(Refused):
    """There is no projection of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no projection {name!r}; there are {', '.join(sorted(known))}")


class SetAside(msgspec.Struct, frozen=True):
    """A row that does not go on, since the event at ``position`` could not be folded."""

    key: str
    position: int
    error: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a projection is, as its database has it; whichever node did it."""

    name: str
    version: int
    read: Build | None
    """What readers see; ``None`` while the first table is being made."""
    building: Build | None
    """What is being made beside it."""
    failed: Build | None
    """The newest build that was given up, if it is newer than what is read."""
    rows_set_aside: int
    set_aside: list[SetAside]


class Row(msgspec.Struct, frozen=True):
    """One row: its key, and its state as JSON."""

    key: str
    state: Any


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows in the order of their keys; ``next`` is the key to go on behind."""

    name: str
    version: int
    position: int
    rows: list[Row]
    next: str | None


class Catalog:
    """The projections of this process, by name."""

    def __init__(self, database: Database, runners: Mapping[str, Runner[Any]]) -> None:
        self._database = database
        self._runners = runners

    async def standings(self) -> list[Standing]:
        """All of them."""
        return [await self.standing(name) for name in self._runners]

    async def standing(self, name: str) -> Standing:
        """How it is now; raises ``ProjectionUnknown``."""
        return await self._database.read(partial(_standing, self._runner(name)))

    async def rebuild(self, name: str) -> Build:
        """Have it made anew, unless that is under way; raises ``ProjectionUnknown``."""
        return await self._runner(name).builder.request()

    async def reach(self, name: str, position: int) -> bool:
        """Wait until its rows tell of this position; ``False`` if it takes long."""
        return await reached(position, self._runner(name).applied, patience=PATIENCE_SECONDS)

    def position(self, name: str) -> int:
        """How far of the log its rows tell."""
        return self._runner(name).position

    async def rows(self, name: str, *, limit: int, after: str | None, key: str | None) -> Rows:
        """Rows behind the key ``after``, or only the row of ``key``."""
        return await self._database.read(
            partial(_rows, self._runner(name), limit=limit, after=after, key=key)
        )

    def _runner(self, name: str) -> Runner[Any]:
        try:
            return self._runners[name]
        except KeyError:
            raise ProjectionUnknown(name, list(self._runners)) from None


def _standing(runner: Runner[Any], connection: Connection) -> Standing:
    projection = runner.projection
    known = builds.known(connection, projection.name)
    ours = [one for one in known if one.version == projection.version]
    read = builds.active_build(connection, projection=projection)
    newest = [one for one in ours if read is None or one.build > read.build]
    aside = {} if read is None else quarantined(connection, read)
    return Standing(
        name=projection.name,
        version=projection.version,
        read=read,
        building=next((one for one in ours if one.state == BUILDING), None),
        failed=next((one for one in reversed(newest) if one.state == FAILED), None),
        rows_set_aside=len(aside),
        set_aside=[SetAside(key, *what) for key, what in list(aside.items())[:SHOWN]],
    )


def _rows(
    runner: Runner[Any], connection: Connection, *, limit: int, after: str | None, key: str | None
) -> Rows:
    found = source(connection, runner.projection)
    table = found.table
    asked = select(table.c.key, table.c.state).order_by(table.c.key).limit(limit + 1)
    if key is not None:
        asked = asked.where(table.c.key == key)
    elif after is not None:
        asked = asked.where(table.c.key > after)
    rows = [Row(row[0], msgspec.json.decode(row[1])) for row in connection.execute(asked)]
    return Rows(
        name=runner.projection.name,
        version=found.build.version,
        position=found.position,
        rows=rows[:limit],
        next=rows[limit - 1].key if len(rows) > limit else None,
    )
