"""A write-ahead log that was cut anywhere behind what was acknowledged: the rest is whole (F2)."""

import asyncio
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from events.store import EventStore
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.stores import append, assert_whole, everything, said, sqlite_log

pytestmark = pytest.mark.anyio

CUTS = size(ci=100, nightly=5000)
ROUNDS = 40
AT_ONCE = 6


@dataclass
class Written:
    """What a log was acknowledged, and how long its files were each time."""

    folder: Path
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    """Pairs: this many bytes of the WAL hold the log up to this position."""
    appends: list[tuple[int, int]] = field(default_factory=list)
    """The first and the last position of each append."""

    def note(self, wal: Path) -> None:
        """Everything appended until now was acknowledged."""
        self.acknowledged.append((wal.stat().st_size, self.appends[-1][1]))

    def cut(self, target: Path, chance: random.Random) -> int:
        """Copy the files with the WAL torn; the position that must have survived."""
        length, position = chance.choice(self.acknowledged)
        wal = (self.folder / "log.db-wal").read_bytes()
        at = chance.randint(length, len(wal))
        shutil.copy(self.folder / "log.db", target / "log.db")
        # A torn disk holds what it held before, zeros, or noise; or the file ends there.
        lost = len(wal) - at
        rest = chance.choice([b"", bytes(lost), chance.randbytes(lost)])
        (target / "log.db-wal").write_bytes(wal[:at] + rest)
        return position

    def is_whole(self, head: int) -> bool:
        """Whether a log that ends at ``head`` has no append in parts."""
        return head == 0 or head in {last for _, last in self.appends}


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


async def _written(folder: Path, chance: random.Random) -> Written:
    """A log whose appends all lie in the WAL, copied while it is open."""
    live = _folder(folder / "live")
    written = Written(folder)
    async with sqlite_log(live, FakeClock()) as store:
        for _ in range(ROUNDS):
            await _append_some(store, written, chance)
            written.note(live / "log.db-wal")
        for name in ("log.db", "log.db-wal"):
            shutil.copy(live / name, folder / name)
    return written


async def _append_some(store: EventStore, written: Written, chance: random.Random) -> None:
    """A few appends of one to four events at once, so that they share a commit."""
    number = len(written.appends)
    appended = await asyncio.gather(
        *[
            store.append(append(f"s{number + n}", 0, *["x" * chance.randint(1, 3000)] * texts))
            for n, texts in enumerate(chance.choices(range(1, 5), k=AT_ONCE))
        ]
    )
    written.appends.extend(sorted((one.first, one.last) for one in appended))


async def test_what_was_acknowledged_survives_a_torn_wal(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    written = await _written(tmp_path / "written", chance)
    assert len({length for length, _ in written.acknowledged}) == ROUNDS, "the WAL was reset"

    shorter = 0
    for number in range(CUTS):
        folder = _folder(tmp_path / str(number))
        survives = written.cut(folder, chance)

        async with sqlite_log(folder, FakeClock()) as store:
            log = await everything(store)
            assert len(log) >= survives, f"seed {seed}, cut {number}"
            assert_whole(log)
            assert written.is_whole(len(log)), f"seed {seed}, cut {number}"
            shorter += len(log) < written.appends[-1][1]
            await store.append(append("afterwards", 0, "goes on"))
            assert said(await store.read_stream("afterwards")) == ["goes on"]
        shutil.rmtree(folder)

    assert shorter > CUTS / 4, "hardly a cut took anything away"
