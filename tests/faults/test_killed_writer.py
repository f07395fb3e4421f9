"""Killed at any moment under many writers: what was acknowledged is there, and only whole (F1)."""

import asyncio
import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import Append, Appended, EventStore, Recorded
from migrations import upgrade
from tests.fakes import FakeClock
from tests.faults.killed_writer import WRITERS, one_life, plan
from tests.faults.sizes import NIGHTLY, size
from tests.stores import assert_whole, everything

pytestmark = pytest.mark.anyio

KILLS = size(ci=30, nightly=1_000)
LIVES_OF_A_LOG = 3
LONGEST_LIFE = 0.2

Told = list[tuple[int, int, int]]


async def test_a_kill_loses_nothing_acknowledged_and_a_repeat_finds_out_the_rest(
    tmp_path: Path,
) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    met: Counter[str] = Counter()
    for life in range(KILLS):
        folder = tmp_path / str(life // LIVES_OF_A_LOG)
        if life % LIVES_OF_A_LOG == 0:
            _new_log(folder)
        seconds = chance.uniform(0.001, LONGEST_LIFE)
        told = await asyncio.to_thread(one_life, folder / "log.db", life, seconds)
        async with (
            open_sqlite(folder / "log.db", durability="full") as database,
            open_event_store(database, clock=FakeClock(), new_epoch=lambda: "epoch") as store,
        ):
            before = await everything(store)
            assert_whole(before)
            outcomes = await asyncio.gather(
                *[_settle(store, life, writer, told, before) for writer in range(WRITERS)]
            )
            met.update(outcomes)
            met["acknowledged"] += len(told)
            assert_whole(await everything(store))

    assert met["acknowledged"] > KILLS
    assert met["lost"] > 0, f"no kill came before a commit: {met}, seed {seed}"
    # Between a commit and its answer lies so little that a few kills may all miss it.
    assert met["stored"] > 0 or not NIGHTLY


def _new_log(folder: Path) -> None:
    folder.mkdir()
    upgrade("log", folder / "log.db")


async def _settle(
    store: EventStore, life: int, writer: int, told: Told, log: list[Recorded]
) -> str:
    """Compare what one writer was told with what is there, then repeat what it was not told."""
    mine = [(first, last) for who, first, last in told if who == writer]
    *acknowledged, open_one = islice(plan(life, writer), len(mine) + 1)
    for append, (first, last) in zip(acknowledged, mine, strict=True):
        assert _ids(append) == [event.event_id for event in log[first - 1 : last]]

    behind = [event for event in log if event.stream == open_one.stream][open_one.expected :]
    stored = [event.event_id for event in behind]
    assert stored in ([], _ids(open_one)), "an append is there in parts, or twice"
    repeated = await store.append(open_one)
    if not stored:
        return "lost"
    assert (repeated.first, repeated.last) == (behind[0].position, behind[-1].position)
    assert isinstance(repeated, Appended) and repeated.repeated
    return "stored"


def _ids(append: Append) -> list[str]:
    return [event.event_id for event in append.events]
