"""A log whose disk is full or fails refuses, loses nothing, and goes on when the disk does (F9)."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from events.errors import LogUnavailable
from events.store import Appended, EventStore, Recorded
from tests.fakes import FakeClock
from tests.faults.disks import Disk, limited_disk, small_disk
from tests.faults.sizes import size
from tests.stores import append, assert_whole, everything, sqlite_log

pytestmark = pytest.mark.anyio

OUTAGES = size(ci=1, nightly=5)
AT_ONCE = 20
DISKS: dict[str, Callable[..., AbstractContextManager[Disk]]] = {
    "full": small_disk,
    "refusing": limited_disk,
}


@pytest.fixture(params=DISKS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with DISKS[request.param](tmp_path / "disk", mebibytes=4) as disk:
        yield disk


class Writers:
    """Appends to many streams at once, and knows what was acknowledged of each."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._versions: dict[str, int] = {}
        self._number = 0
        self.acknowledged: dict[str, int] = {}
        self.refused = 0

    async def round(self) -> bool:
        """One append of two events to each of some streams; whether all were acknowledged."""
        self._number += 1
        streams = [f"s{self._number}-{n}" for n in range(AT_ONCE)]
        outcomes = await asyncio.gather(
            *[self._store.append(append(stream, 0, "x" * 500, "y")) for stream in streams],
            return_exceptions=True,
        )
        for stream, outcome in zip(streams, outcomes, strict=True):
            if isinstance(outcome, Appended):
                self.acknowledged[stream] = outcome.version
            else:
                assert isinstance(outcome, LogUnavailable), outcome
                self.refused += 1
        return all(isinstance(outcome, Appended) for outcome in outcomes)


async def test_a_disk_without_space_refuses_and_goes_on_when_there_is_some(disk: Disk) -> None:
    pid = os.getpid()
    async with sqlite_log(disk.folder, FakeClock()) as store:
        writers = Writers(store)
        assert await writers.round()
        for _ in range(OUTAGES):
            disk.fail(pid)
            try:
                while await writers.round():  # what is left of the WAL takes some more
                    pass
                assert not await writers.round()
                assert len(await everything(store)) >= 2 * len(writers.acknowledged)
            finally:
                disk.work(pid)

            assert await writers.round(), "there is space again"
        _assert_kept(await everything(store), writers)

    async with sqlite_log(disk.folder, FakeClock()) as store:
        _assert_kept(await everything(store), writers)
    assert writers.refused >= OUTAGES * AT_ONCE


def _assert_kept(log: Sequence[Recorded], writers: Writers) -> None:
    assert_whole(log)
    versions: dict[str, int] = {}
    for event in log:
        versions[event.stream] = event.version
    assert set(versions.values()) == {2}, "an append is there in parts"
    assert writers.acknowledged.items() <= versions.items()
