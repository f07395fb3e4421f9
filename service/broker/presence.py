"""Whether other engines have the broker's file open: a lock on a file beside it."""

import asyncio
import fcntl
import os
from pathlib import Path

__all__ = ["Presence", "is_open"]

SUFFIX = ".engines"
PAUSE = 0.02


def is_open(database: Path) -> bool:
    """Whether an engine has the file open, for somebody who is about to start one.

    An engine that starts in the same moment may take this look for another engine, and then only
    waits for what a dead one had in hand instead of taking it at once.
    """
    look = Presence(database)
    look.close()
    return not look.alone


class Presence:
    """Held from the start of an engine to its end; the system lets go of a dead one's."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + SUFFIX)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.alone = self._lock(fcntl.LOCK_EX)
        """Whether nobody else is here; none can come until `share`."""

    async def share(self) -> None:
        """Is here together with others from now on."""
        while not self._lock(fcntl.LOCK_SH):  # noqa: ASYNC110 - another process cannot tell us
            # Somebody else starts, alone as it believes, and is quick about it.
            await asyncio.sleep(PAUSE)
        self.alone = False

    def close(self) -> None:
        """Is gone."""
        os.close(self._descriptor)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
