"""'Something was appended': a hint, never a need; whoever waits also looks by himself."""

import asyncio

POLL_SECONDS = 1.0
"""The longest a follower waits for a hint before it looks anyway."""


class Wakeup:
    """Tells everybody in this process how far the log reaches."""

    def __init__(self) -> None:
        self._head = 0
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def head(self) -> int:
        """How far we know the log to reach."""
        return self._head

    def announce(self, head: int) -> None:
        """The log now reaches ``head``."""
        if head <= self._head:
            return
        self._head = head
        self._wake()

    async def wait_beyond(self, position: int) -> None:
        """Return when the log reaches beyond ``position``, or it is time to look."""
        if self._head > position:
            return
        if self._timer is None:
            # One for all who wait: under load each wait would set one and stop it again.
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(POLL_SECONDS, self._time_to_look)
        await self._changed.wait()

    def _time_to_look(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        # Whoever waits holds this event; the next to wait gets a new one.
        self._changed.set()
        self._changed = asyncio.Event()
