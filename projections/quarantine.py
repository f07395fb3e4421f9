"""Rows that were set aside, because an event of theirs could not be folded."""

from sqlalchemy import Connection, insert, select

from projections.tables import Build, quarantine


def quarantined(connection: Connection, build: Build) -> dict[str, tuple[int, str]]:
    """The rows that were set aside: the position of the event, and what went wrong with it."""
    found = select(quarantine.c.key, quarantine.c.position, quarantine.c.error).where(
        quarantine.c.name == build.name,
        quarantine.c.version == build.version,
        quarantine.c.build == build.build,
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(found)}


def set_aside(connection: Connection, build: Build, key: str, position: int, error: str) -> None:
    """Record that this row does not go on."""
    row = {
        "name": build.name,
        "version": build.version,
        "build": build.build,
        "key": key,
        "position": position,
        "error": error,
    }
    connection.execute(insert(quarantine), [row])
