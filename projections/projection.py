"""What a projection is: a keyed pure fold of the log, with a name, a version and a table.

The fold knows no clock, no chance and no I/O, so a rebuild gives the same rows as following live,
and the same fold answers for any past position. A changed fold gets a higher version and with it a
table of its own; ``builds`` says which table readers use.
"""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from events.store import Recorded

S = TypeVar("S")


class Projection(ABC, Generic[S]):
    """A table folded from events: one row, and one state, for each key."""

    name: str
    """Lower-case words joined by ``_``; it is part of its tables' names."""
    version: int
    """From 1; a higher one for every change of the fold, of the state or of the columns."""
    readable: frozenset[int] = frozenset()
    """Earlier versions whose rows this code can still show, while its own are being made."""
    linger: float = 0.0
    """Seconds to let events gather after some were folded; few when somebody waits for the rows."""
    table: Table
    """The pattern of its tables; see ``projected_table``. If left out: ``key`` and ``state``."""
    state: type[S]
    """What a row's state is; anything that msgspec reads back from JSON."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = cls.__dict__
        if "table" not in own and isinstance(own.get("name"), str) and "version" in own:
            cls.table = projected_table(own["name"], own["version"])

    @abstractmethod
    def key(self, event: Recorded) -> str | None:
        """The row that this event changes; ``None`` if it changes none."""

    @abstractmethod
    def fold(self, state: S | None, event: Recorded) -> S:
        """The row's state after this event; ``state`` is ``None`` for its first."""

    def begins(self, _event: Recorded) -> bool:
        """Whether this event is surely its row's first, so that nothing needs to be read."""
        return False

    def stream(self, _key: str) -> str | None:
        """The one stream that this row is made of; ``None`` if events of many streams change it.

        A row of one stream can be set aside when an event cannot be folded: no other row would be
        wrong. If rows are made of many streams, the whole projection stops there.
        """
        return None

    def columns(self, _state: S) -> dict[str, Any]:
        """The columns that queries need, besides the state itself."""
        return {}

    def encode(self, state: S) -> bytes:
        """The state as it is stored: JSON, readable for analysts."""
        return msgspec.json.encode(state)

    def decode(self, stored: bytes) -> S:
        """The stored JSON as a value."""
        return msgspec.json.decode(stored, type=self.state)

    def row(self, key: str, state: S) -> dict[str, Any]:
        """The whole row of this state."""
        return {"key": key, "state": self.encode(state), **self.columns(state)}


def projected_table(name: str, version: int, *columns: Any) -> Table:
    """A table that belongs to one version of one projection."""
    return Table(
        f"{name}_v{version}",
        MetaData(),
        Column("key", String, primary_key=True),
        Column("state", LargeBinary, nullable=False),
        *columns,
    )
