"""The tables that tell of builds: which there are, how far each is, and which one readers use."""

from functools import lru_cache

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text
from sqlalchemy.sql import quoted_name

BUILDING, LIVE, KEPT, FAILED = "building", "live", "kept", "failed"
"""Being made; followed and read; replaced, and kept for a while; given up."""

KEEP = 24 * 3600 * 1_000_000
"""Microseconds that a replaced table is kept, for readers and for a return to an older version."""

metadata = MetaData()

builds = Table(
    "projection_builds",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("build", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("drop_after", BigInteger, nullable=True),
    # Why it does not go on, or what it left out; all empty when everything is well.
    Column("stopped_at", BigInteger, nullable=True),
    Column("stale_since", BigInteger, nullable=True),
    Column("error", Text, nullable=True),
    Column("unreadable", BigInteger, nullable=True),
)
active = Table(
    "projection_active",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("build", Integer, nullable=False),
)
quarantine = Table(
    "projection_quarantine",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("build", Integer, primary_key=True),
    Column("key", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
)


class Build(msgspec.Struct, frozen=True):
    """One build as it is recorded; times are microseconds since the epoch."""

    name: str
    version: int
    build: int
    position: int
    state: str
    drop_after: int | None = None
    stopped_at: int | None = None
    """The position of an event that could not be folded; nothing behind it is told."""
    stale_since: int | None = None
    error: str | None = None
    unreadable: int | None = None
    """The position of the first event that was left out, because this code could not read it."""

    @property
    def table_name(self) -> str:
        """The name of its table."""
        number = f"_b{self.build}" if self.build else ""
        return f"{self.name}_v{self.version}{number}"


def create_tables(connection: Connection) -> None:
    """Make the tables that tell of builds; each projection makes its own."""
    metadata.create_all(connection)


@lru_cache(maxsize=128)
def table_of(pattern: Table, name: str) -> Table:
    """The table of one build, with indexes of its own."""
    table = pattern.to_metadata(MetaData(), name=name)
    for number, index in enumerate(sorted(table.indexes, key=lambda one: str(one.name)), start=1):
        index.name = quoted_name(f"{name}_i{number}", quote=None)
    return table
