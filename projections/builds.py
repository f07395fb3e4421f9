"""Which tables does a projection have, and which of them do readers use?

A *build* is one table made by folding the log from its beginning: by name and version, and by a
number that counts how often this version was built. A rebuild makes the next build beside the live
one; then one statement on ``projection_active`` sends all readers to it. Each version of the code
has its own active build, so that nodes of two versions can work side by side during an upgrade.
"""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from events.errors import LogUnavailable
from events.prepared import Prepared
from projections.projection import Projection
from projections.tables import (
    BUILDING,
    KEEP,
    KEPT,
    LIVE,
    Build,
    active,
    builds,
    quarantine,
    table_of,
)


class Source(NamedTuple):
    """Where readers find a projection: its table, and the log position that it tells of."""

    table: Table
    position: int
    build: Build


class NotReady(LogUnavailable):
    """The projection's first table is still being made, and there is no older one to show."""

    def __init__(self, name: str, position: int | None) -> None:
        far = "" if position is None else f" (so far up to position {position} of the log)"
        super().__init__(f"the table {name} is being made from the log{far}; try again shortly")
        self.name = name


_IS = (builds.c.name == bindparam("of"), builds.c.version == bindparam("its"))
_THIS = (*_IS, builds.c.build == bindparam("number"))
_ACTIVE = Prepared(
    select(builds)
    .join(
        active,
        (active.c.name == builds.c.name)
        & (active.c.version == builds.c.version)
        & (active.c.build == builds.c.build),
    )
    .where(active.c.name == bindparam("of"))
)
_ONE = Prepared(select(builds).where(*_THIS))
MOVE = Prepared(
    update(builds)
    .where(
        *_THIS,
        builds.c.position == bindparam("start"),
        builds.c.state.in_([literal_column(f"'{BUILDING}'"), literal_column(f"'{LIVE}'")]),
    )
    .values(
        position=bindparam("end"),
        unreadable=func.coalesce(builds.c.unreadable, bindparam("left_out", type_=BigInteger)),
        stopped_at=null(),
        stale_since=null(),
        error=null(),
    )
)
"""Moves a checkpoint by compare-and-set; no row is changed if somebody else was quicker."""


def source(connection: Connection, projection: Projection[Any]) -> Source:
    """The table to read, in this transaction; raises ``NotReady``."""
    found = {row[1]: Build(*row) for row in _ACTIVE.all(connection, of=projection.name)}
    readable = [version for version in found if version in projection.readable]
    if projection.version in found:
        chosen = found[projection.version]
    elif readable:
        chosen = found[max(readable)]
    else:
        ours = [one for one in known(connection, projection.name) if one.state == BUILDING]
        raise NotReady(projection.name, max((one.position for one in ours), default=None))
    return Source(table_of(projection.table, chosen.table_name), chosen.position, chosen)


def active_build(connection: Connection, *, projection: Projection[Any]) -> Build | None:
    """The build that readers of this version of the code use."""
    found = [Build(*row) for row in _ACTIVE.all(connection, of=projection.name)]
    return next((one for one in found if one.version == projection.version), None)


def known(connection: Connection, name: str) -> list[Build]:
    """Every build of this projection, of all versions."""
    found = select(builds).where(builds.c.name == name).order_by(builds.c.version, builds.c.build)
    return [Build(*row) for row in connection.execute(found)]


def again(connection: Connection, *, build: Build) -> Build | None:
    """The same build as it is recorded now."""
    row = _ONE.one(connection, of=build.name, its=build.version, number=build.build)
    return None if row is None else Build(*row)


def begin(connection: Connection, projection: Projection[Any]) -> Build:
    """A new, empty build beside all others."""
    numbers = [
        one.build for one in known(connection, projection.name) if one.version == projection.version
    ]
    number = max(numbers, default=-1) + 1
    build = Build(projection.name, projection.version, number, 0, BUILDING)
    table = table_of(projection.table, build.table_name)
    table.drop(connection, checkfirst=True)  # of a database whose bookkeeping was lost
    table.create(connection)
    connection.execute(insert(builds), [msgspec.structs.asdict(build)])
    return build


def switch(connection: Connection, build: Build, *, position: int, now: int) -> bool:
    """Send readers to this build, which tells of ``position``; ``False`` if it is not so far yet.

    What they read until now stays where it is, and moves no more.
    """
    current = select(active.c.build).where(
        active.c.name == build.name, active.c.version == build.version
    )
    number: int | None = connection.execute(current).scalar_one_or_none()
    if number is not None:
        of_current = (
            builds.c.name == build.name,
            builds.c.version == build.version,
            builds.c.build == number,
            builds.c.position <= position,
        )
        kept = update(builds).where(*of_current).values(state=KEPT, drop_after=now + KEEP)
        if connection.execute(kept).rowcount != 1:
            return False
    settle(connection, build=build, state=LIVE)
    if number is None:
        row = {"name": build.name, "version": build.version, "build": build.build}
        connection.execute(insert(active), [row])
    else:
        connection.execute(
            update(active)
            .where(active.c.name == build.name, active.c.version == build.version)
            .values(build=build.build)
        )
    return True


def settle(connection: Connection, *, build: Build, **values: object) -> None:
    """Record these columns of a build."""
    connection.execute(
        update(builds)
        .where(
            builds.c.name == build.name,
            builds.c.version == build.version,
            builds.c.build == build.build,
        )
        .values(**values)
    )


def retire_others(connection: Connection, projection: Projection[Any], *, now: int) -> None:
    """Tables of older versions go after a while, unless their code comes back; ours stay.

    Those of newer ones are left alone: their nodes may be at work beside us.
    """
    others = (builds.c.name == projection.name, builds.c.version < projection.version)
    due = update(builds).where(*others, builds.c.drop_after.is_(None))
    connection.execute(due.values(drop_after=now + KEEP))
    ours = (builds.c.name == projection.name, builds.c.version == projection.version)
    stays = update(builds).where(*ours, builds.c.state.in_([BUILDING, LIVE]))
    connection.execute(stays.values(drop_after=None))


def drop_expired(connection: Connection, *, projection: Projection[Any], now: int) -> list[Build]:
    """Drop the tables whose time is over, once there is one of ours to read; which those were."""
    if active_build(connection, projection=projection) is None:
        return []
    expired = [
        one
        for one in known(connection, projection.name)
        if one.drop_after is not None and one.drop_after <= now
    ]
    for one in expired:
        drop(connection, projection, one)
    return expired


def drop(connection: Connection, projection: Projection[Any], build: Build) -> None:
    """Remove a build and all that is recorded of it."""
    table_of(projection.table, build.table_name).drop(connection, checkfirst=True)
    for table in (builds, active, quarantine):
        connection.execute(
            delete(table).where(
                table.c.name == build.name,
                table.c.version == build.version,
                table.c.build == build.build,
            )
        )
