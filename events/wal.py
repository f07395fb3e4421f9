"""A database's write-ahead log: looked at after every commit, written back by the rule.

Only the writing connection ever checkpoints: SQLite before 3.51.3 can damage the file when one
connection does so while another commits. So nothing happens by itself; all of it happens here,
between two commits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

CHECKPOINT_BYTES = 4 * 1024 * 1024
"""A larger WAL is written back between two commits. SQLite cuts the file to this size when it
begins it anew, so that the size tells what is in it."""
STEP_BYTES = 1024 * 1024
"""How much a WAL that could not shrink grows before it is tried again."""
INSIST_BYTES = 8 * 1024 * 1024
"""One so large is never free of readers by itself: commits wait for a moment until it is. If that
does not help, it is tried again when the WAL has doubled."""
ALARM_BYTES = 16 * 1024 * 1024
IDLE_SECONDS = 5.0
"""After so long without a commit the WAL is emptied."""

Mode = Literal["PASSIVE", "RESTART", "TRUNCATE"]
"""What can be done at once; all of it, waiting for readers; and then empty the file."""

Checkpoint = Callable[[Mode], Awaitable[bool]]
"""Checkpoints in this mode between two commits; whether the whole WAL was written back."""

log = logging.getLogger(__name__)


class CheckpointRule:
    """Knows when to try what; whoever asks measures the file and does it."""

    def __init__(self) -> None:
        self._next = CHECKPOINT_BYTES
        self._insist = INSIST_BYTES
        self.stuck_bytes = 0
        """The size of a WAL that is large because a reader keeps it from being written back."""

    def due(self, size: int) -> Mode | None:
        """What to do about a WAL of ``size`` bytes now."""
        if size <= CHECKPOINT_BYTES:
            self._next, self._insist = CHECKPOINT_BYTES, INSIST_BYTES
            self.stuck_bytes = 0
        if size <= self._next:
            return None
        return "RESTART" if size > self._insist else "PASSIVE"

    def tried(self, mode: Mode, size: int, *, whole: bool) -> None:
        """It was tried, ``whole`` if nothing was left; ``size`` is that of the WAL now.

        A WAL that was written back is begun anew by the next commit that finds no reader in it.
        """
        self._next = max(CHECKPOINT_BYTES, size + STEP_BYTES)
        if mode == "PASSIVE":
            return
        self._insist = max(INSIST_BYTES, 2 * size)
        self.stuck_bytes = size if size > ALARM_BYTES and not whole else 0


class WriteAheadLog:
    """Keeps the WAL of one database small."""

    def __init__(self, database: Path, checkpoint: Checkpoint) -> None:
        self.path = Path(f"{database}-wal")
        self._checkpoint = checkpoint
        self._rule = CheckpointRule()
        self._last_commit = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str | None:
        """Why it cannot shrink, in a sentence."""
        if not self._rule.stuck_bytes:
            return None
        return (
            f"{self.path.name} has grown to {self._rule.stuck_bytes >> 20} MiB and cannot shrink, "
            "because a program keeps the database open for reading; end it."
        )

    def committed(self) -> bool:
        """Look at it after a commit, for the price of one ``stat``; whether it is still there."""
        self._last_commit = asyncio.get_running_loop().time()
        size = self._size()
        if size is None:
            return False
        mode = self._rule.due(size)
        if mode is not None and self._under_way is None:
            self._start(mode)
        if self._timer is None:
            self._look_again_in(IDLE_SECONDS)
        return True

    async def close(self) -> None:
        """End what is under way; nothing begins afterwards."""
        if self._timer is not None:
            self._timer.cancel()
        if self._under_way is not None:
            await self._under_way

    def _look_again_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._when_idle)

    def _when_idle(self) -> None:
        self._timer = None
        silent = asyncio.get_running_loop().time() - self._last_commit
        if silent < IDLE_SECONDS:
            self._look_again_in(IDLE_SECONDS - silent)
        elif self._under_way is None and self._size():
            self._start("TRUNCATE")

    def _start(self, mode: Mode) -> None:
        task = asyncio.create_task(self._write_back(mode), name=f"checkpoint {self.path.name}")
        self._under_way = task

    async def _write_back(self, mode: Mode) -> None:
        stuck = self._rule.stuck_bytes
        try:
            whole = await self._checkpoint(mode)
        finally:
            self._under_way = None
        size = self._size() or 0
        self._rule.tried(mode, size, whole=whole)
        if self._rule.stuck_bytes and not stuck:
            log.warning(self.trouble)
        if mode == "TRUNCATE" and size and self._timer is None:
            self._look_again_in(IDLE_SECONDS)

    def _size(self) -> int | None:
        try:
            return self.path.stat().st_size
        except OSError:
            return None
