"""'Something was appended': a hint, never a need; whoever waits also looks by himself."""

import asyncio

POLL_SECONDS = 1.0
"""How long a follower waits for a hint before it looks anyway."""


class Wakeup:
    """Tells everybody in this process how far the log reaches."""

    def __init__(self) -> None:
        self._head = 0
        self._changed = asyncio.Event()

    @property
    def head(self) -> int:
        """How far we know the log to reach."""
        return self._head

    def announce(self, head: int) -> None:
        """The log now reaches ``head``."""
        if head <= self._head:
            return
        self._head = head
        # Whoever waits holds this event; the next to wait gets a new one.
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_beyond(self, position: int) -> None:
        """Return when the log reaches beyond ``position``, or it is time to look."""
        if self._head > position:
            return
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return
