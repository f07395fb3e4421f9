"""What the feed asks of the tables and the log; ``projections/reads.py`` answers."""

from collections.abc import Mapping
from typing import Protocol

from projections.documents import Tracked
from projections.reads import Selection


class Reader(Protocol):
    """Every answer is one consistent state: the documents as they were at that position."""

    async def snapshot(self, selection: Selection, *, limit: int) -> tuple[int, list[Tracked]]:
        """The selected documents that exist, at most ``limit`` of them: the newest."""
        ...

    async def changed(
        self, selection: Selection, *, after: int, limit: int
    ) -> tuple[int, list[Tracked]]:
        """The selected documents that changed behind ``after``, the oldest change first."""
        ...

    async def chain(self, position: int) -> bytes | None:
        """The log's chain value there; ``None`` if the log does not reach so far."""
        ...

    async def chains(self, *, after: int, upto: int) -> Mapping[int, bytes]:
        """The chain values of the positions ``after + 1`` to ``upto``."""
        ...
