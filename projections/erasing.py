"""Takes what was erased out of the tables' files, too; the folds have changed the rows already."""

import asyncio
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, MetaData, Table, bindparam, column, delete, select, table

from events.database import OwnDatabase
from projections.tables import BUILDING, LIVE, Build, active, builds, quarantine

LOOKS = 20
"""How often we look whether the tables have come far enough, a tenth of a second apart."""
LOOK_SECONDS = 0.1


async def forget(database: OwnDatabase, document_ids: Sequence[str], *, position: int) -> bool:
    """Leave nothing in the files of what these documents held, which were erased by ``position``.

    Tables that were replaced or given up, and will not come to ``position`` any more, are dropped.
    ``False``: a table that is being followed or made is not so far yet, or a reader holds it up.
    """
    for _ in range(LOOKS):
        if await database.read(partial(_are_there, position)):
            break
        await asyncio.sleep(LOOK_SECONDS)
    work = partial(_take_out, list(document_ids), position)
    return await database.write(work, long=True) and await database.scrub(rewrite=True)


def _are_there(position: int, connection: Connection) -> bool:
    return all(one.position >= position for one in _known(connection))


def _take_out(document_ids: list[str], position: int, connection: Connection) -> bool:
    behind = [one for one in _known(connection) if one.position < position]
    for build in behind:
        if build.state not in (LIVE, BUILDING) or build.drop_after is not None:
            _drop(connection, build)
    _remove_set_aside(connection, document_ids)
    return all(one.position >= position for one in _known(connection))


def _known(connection: Connection) -> list[Build]:
    return [Build(*row) for row in connection.execute(select(builds))]


def _drop(connection: Connection, build: Build) -> None:
    Table(build.table_name, MetaData()).drop(connection, checkfirst=True)
    for one in (builds, active, quarantine):
        connection.execute(
            delete(one).where(
                one.c.name == build.name,
                one.c.version == build.version,
                one.c.build == build.build,
            )
        )


def _remove_set_aside(connection: Connection, document_ids: list[str]) -> None:
    """A row that was set aside did not hear of the erasure, and never will."""
    aside = select(quarantine).where(quarantine.c.key.in_(document_ids))
    for row in connection.execute(aside).all():
        build = Build(row.name, row.version, row.build, 0, LIVE)
        rows = table(build.table_name, column("key"))
        connection.execute(delete(rows).where(rows.c.key == bindparam("gone")), {"gone": row.key})
