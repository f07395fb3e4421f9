"""Whether commits are waited for in the event loop: only while the disk is quick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.pace import QUICK_SECONDS, Pace


class Disk:
    """Commits that take as long as they are told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = Pace(lambda: self.now)

    def commits(self, count: int, *, seconds: float) -> None:
        def commit() -> None:
            self.now += seconds

        for _ in range(count):
            self.pace.timed(commit)


def test_a_disk_has_to_show_first_that_it_is_quick() -> None:
    disk = Disk()
    assert not disk.pace.quick

    disk.commits(10, seconds=QUICK_SECONDS / 10)
    assert not disk.pace.quick

    disk.commits(40, seconds=QUICK_SECONDS / 10)
    assert disk.pace.quick


def test_one_long_wait_is_enough_to_lose_trust_and_a_short_one_is_not() -> None:
    disk = Disk()
    disk.commits(100, seconds=QUICK_SECONDS / 10)

    disk.commits(1, seconds=5 * QUICK_SECONDS)
    assert disk.pace.quick

    disk.commits(1, seconds=50 * QUICK_SECONDS)
    assert not disk.pace.quick


@given(st.integers(1, 200), st.floats(QUICK_SECONDS, 10))
def test_a_slow_disk_is_never_trusted(count: int, seconds: float) -> None:
    disk = Disk()

    disk.commits(count, seconds=seconds)

    assert not disk.pace.quick


def test_a_commit_that_fails_says_nothing_about_the_disk() -> None:
    disk = Disk()
    disk.commits(100, seconds=QUICK_SECONDS / 10)

    def failing() -> None:
        disk.now += 100
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        disk.pace.timed(failing)

    assert disk.pace.quick
