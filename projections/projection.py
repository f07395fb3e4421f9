"""What a projection is: a keyed pure fold of the log, with a name, a version and a table.

The fold knows no clock, no chance and no I/O, so a rebuild gives the same rows as following live,
and the same fold answers for any past position. A changed fold gets a higher version and with it a
table of its own.
"""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

from events.store import Recorded

S = TypeVar("S")

metadata = MetaData()

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
)


class Projection(ABC, Generic[S]):
    """A table folded from events: one row, and one state, for each key."""

    name: str
    version: int
    linger: float = 0.0
    """Seconds to let events gather after some were folded; few when somebody waits for the rows."""
    table: Table
    """Has at least ``key`` (the primary key) and ``state``; see ``projected_table``."""

    @abstractmethod
    def key(self, event: Recorded) -> str | None:
        """The row that this event changes; ``None`` if it changes none."""

    @abstractmethod
    def fold(self, state: S | None, event: Recorded) -> S:
        """The row's state after this event; ``state`` is ``None`` for its first."""

    def begins(self, _event: Recorded) -> bool:
        """Whether this event is surely its row's first, so that nothing needs to be read."""
        return False

    @abstractmethod
    def columns(self, state: S) -> dict[str, Any]:
        """The columns that queries need, besides the state itself."""

    @abstractmethod
    def encode(self, state: S) -> bytes:
        """The state as it is stored."""

    @abstractmethod
    def decode(self, stored: bytes) -> S:
        """The stored state as a value."""


def projected_table(name: str, version: int, *columns: Any) -> Table:
    """A table that belongs to one version of one projection."""
    return Table(
        f"{name}_v{version}",
        metadata,
        Column("key", String, primary_key=True),
        Column("state", LargeBinary, nullable=False),
        *columns,
    )
