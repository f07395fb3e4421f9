"""Where an event's personal fields are sealed on their way in and opened on their way out."""

from collections.abc import Sequence
from typing import Protocol

from events.store import NewEvent, Recorded


class Privacy(Protocol):
    """Seals what is personal in events, and opens it for whoever may read it.

    A store without one keeps everything as it is.
    """

    async def seal(self, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """The events as they are stored; the chain is over these."""
        ...

    async def open(self, recorded: Sequence[Recorded]) -> list[Recorded]:
        """The events as they are read; what cannot be opened any more says so."""
        ...
