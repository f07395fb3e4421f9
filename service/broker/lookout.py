"""What a person who looks at the broker asks of its file.

Over connections and threads of its own: looking never takes a turn from publishers and deliveries.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from service.broker.browsing import Listing, Wish, browse
from service.broker.database import open_database
from service.broker.errors import Unknown
from service.broker.overview import Overview, kept_since, look_over
from service.broker.reader import Reader
from service.broker.stories import Story, tell

__all__ = ["Lookout"]

WAITING_READS = 32
RECENT = 3_600_000_000


class Lookout:
    """Open it with `async with`; `clock` gives microseconds."""

    def __init__(self, path: Path, *, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock

    async def __aenter__(self) -> Self:
        self._engine = open_database(self._path)
        self._reader = Reader(self._engine, limit=WAITING_READS)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.close()
        self._engine.dispose()

    @property
    def now(self) -> int:
        """The moment that answers speak of."""
        return self._clock()

    async def overview(self) -> Overview:
        """How many messages are in each state, with the outcomes of the last hour."""
        since = self._clock() - RECENT
        return await self._reader.read(lambda connection: look_over(connection, since=since))

    async def browse(self, wish: Wish) -> Listing:
        """A page of messages."""
        return await self._reader.read(lambda connection: browse(connection, wish))

    async def story(self, message_id: str) -> Story:
        """One message with everything that happened to it, as long as the log has it."""
        found = await self._reader.read(lambda connection: tell(connection, message_id))
        if found is None:
            raise Unknown(f"message {message_id} not found, or forgotten since it ended")
        return found

    async def kept_since(self, moment: int) -> int:
        """How many messages were taken in from this moment on."""
        return await self._reader.read(lambda connection: kept_since(connection, moment))
