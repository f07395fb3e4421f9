"""A disk whose commits take as long as a test says; it notes who waited for them."""

import threading
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

MANY = 60
"""After so many commits the average of the last ones is that of the disk."""


class Disk:
    """How long each commit takes, and whether the event loop waited for it.

    ``commit`` listens to an engine, and ``now`` is the clock that it moves.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.held_up: list[bool] = []
        self.full = False

    def commit(self, _connection: Connection) -> None:
        if self.full:
            raise OSError("no space left")
        self.held_up.append(threading.current_thread() is threading.main_thread())
        self.now += self.seconds


async def assert_only_a_quick_disk_is_waited_for(
    disk: Disk, write: Callable[[], Awaitable[object]], *, quick_seconds: float
) -> None:
    """Writes to the disk while it is slow, then quick, then slow again."""
    for seconds in (20 * quick_seconds, quick_seconds / 10, 20 * quick_seconds):
        disk.seconds = seconds
        for _ in range(2 * MANY):
            await write()

    slow, quick, slow_again = (
        disk.held_up[number * 2 * MANY : (number + 1) * 2 * MANY] for number in range(3)
    )
    assert not any(slow)
    assert not quick[0]  # it has to show first that it has become quick
    assert all(quick[MANY:])
    assert slow_again.count(True) == 1  # the one that showed it
