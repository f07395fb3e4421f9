"""F10: flip one bit in one event; ``verify`` names its position, always."""

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.reading import open_log
from service.settings import Settings
from service.transfer.verifying import Verdict, Verification
from tests.data_folders import lively
from tests.faults.sizes import size
from tests.integration.commands_support import waybill

FLIPS = size(20, 200)
LOW_BITS = 40
"""A number's bits that are flipped: those that a plausible number has."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flipped") / "data"


@pytest.fixture(scope="module")
def events(folder: Path) -> int:
    return len(asyncio.run(lively(folder, documents=6)))


def flipped(value: object, chance: random.Random) -> object:
    """The value with one other bit; text and bytes as bytes."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(LOW_BITS))
    content = bytearray(value if isinstance(value, bytes) else str(value).encode())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def flip(database: Path, chance: random.Random, events: int) -> tuple[int, str]:
    """Flip a bit of one event, past everything that would keep us from it; which, and where."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {name}")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(events)")]
        while True:
            position, column = chance.randint(1, events), chance.choice(columns)
            [value] = connection.execute(
                f"SELECT {column} FROM events WHERE position = ?", (position,)
            ).fetchone()
            if value is None or value == "":
                continue
            changed = flipped(value, chance)
            if column == "position" and isinstance(changed, int) and changed <= events:
                continue  # it would be another event's, or none
            new = "CAST(? AS TEXT)" if isinstance(value, str) else "?"
            try:
                connection.execute(
                    f"UPDATE events SET {column} = {new} WHERE position = ?", (changed, position)
                )
            except sqlite3.IntegrityError:
                continue  # the database itself refuses two events at one place of a stream
            return position, column


async def verified(folder: Path) -> Verdict:
    async with open_log(Settings(data=folder)) as store:
        verification = Verification(store, anchor=None)
        return await verification.run(upto=await store.head(), on_events=lambda _: None)


def test_a_sound_log_is_found_sound(folder: Path, events: int) -> None:
    verdict = asyncio.run(verified(folder))

    assert (verdict.broken, verdict.disagreement, verdict.unreadable) == (None, None, 0)
    assert verdict.head.position == events


@pytest.mark.parametrize("seed", range(FLIPS))
def test_one_flipped_bit_is_found_where_it_is(
    folder: Path, events: int, tmp_path: Path, seed: int
) -> None:
    damaged = tmp_path / "data"
    shutil.copytree(folder, damaged)
    position, column = flip(damaged / "log.db", random.Random(seed), events)

    verdict = asyncio.run(verified(damaged))

    assert verdict.broken is not None, f"{column} of {position}"
    assert verdict.broken.position == position, column


def test_the_command_names_it_and_ends_with_1(folder: Path, events: int, tmp_path: Path) -> None:
    damaged = tmp_path / "data"
    shutil.copytree(folder, damaged)
    position, _ = flip(damaged / "log.db", random.Random(FLIPS), events)

    done = waybill("verify", "--data", str(damaged))

    assert done.code == 1
    assert f"position {position} is bad" in done.out
