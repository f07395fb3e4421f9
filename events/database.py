"""What the log and the tables ask of a database; ``sqlite`` and ``postgres`` are the answers.

Work is a plain function of a SQLAlchemy ``Connection``, the same for every database; how and where
it runs is each database's own business.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection], T]
Durability = Literal["full", "relaxed"]


class Database(Protocol):
    """A database that runs work in a transaction."""

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        """Run ``work`` alone, then commit; on an exception nothing is written.

        ``long`` work may take more than some milliseconds and must not hold up everybody else.
        """
        ...

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent state."""
        ...


class OwnDatabase(Database, Protocol):
    """One whose files are ours, too."""

    async def scrub(self, *, rewrite: bool) -> bool:
        """Leave nothing in its files of what was overwritten; ``False`` if a reader held it up.

        ``rewrite`` also for what was removed or has changed its size: that takes as long as writing
        all of it anew.
        """
        ...
