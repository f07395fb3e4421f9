"""Small files that go to the disk together: each has its own outcome, and nothing is left over."""

import asyncio
import os
from pathlib import Path

import pytest

from service.storage.together import OPEN_AT_ONCE, Together

pytestmark = pytest.mark.anyio


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    folder = tmp_path / "unfinished"
    folder.mkdir()
    return folder


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_many_at_once_are_all_there_and_share_the_syncs(
    unfinished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    sync = os.fsync

    def counting(file: int) -> None:
        syncs.append(file)
        sync(file)

    monkeypatch.setattr(os, "fsync", counting)
    together = Together(unfinished)
    bodies = {f"object-{number}": f"body {number}".encode() for number in range(40)}

    stored = await asyncio.gather(
        *(together.put(name, tmp_path / name, body) for name, body in bodies.items())
    )

    assert {name: (tmp_path / name).read_bytes() for name in bodies} == bodies
    assert [one.name for one in stored] == list(bodies)
    assert files_in(unfinished) == []
    # One for each file; for their folder one in each group, where alone each would need its own.
    assert len(bodies) < len(syncs) < len(bodies) + 5


async def test_the_trouble_of_one_is_not_that_of_the_others(
    unfinished: Path, tmp_path: Path
) -> None:
    (tmp_path / "a-file").touch()
    together = Together(unfinished)

    good, bad, fine = await asyncio.gather(
        together.put("good", tmp_path / "good", b"1"),
        together.put("bad", tmp_path / "a-file" / "bad", b"2"),
        together.put("fine", tmp_path / "fine", b"3"),
        return_exceptions=True,
    )

    assert isinstance(bad, OSError)
    assert not isinstance(good, BaseException)
    assert not isinstance(fine, BaseException)
    assert (tmp_path / "good").exists()
    assert files_in(unfinished) == []


async def test_a_folder_that_cannot_be_synced_fails_all_that_went_into_it(
    unfinished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def failing(file: int) -> None:
        if os.path.sameopenfile(file, folder):
            raise OSError(5, "Input/output error")
        sync(file)

    folder = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(os, "fsync", failing)
    together = Together(unfinished)

    outcomes = await asyncio.gather(
        *(together.put(name, tmp_path / name, b"x") for name in ("one", "two")),
        return_exceptions=True,
    )

    os.close(folder)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]


async def test_whoever_is_cancelled_waits_for_the_disk_and_the_others_get_theirs(
    unfinished: Path, tmp_path: Path
) -> None:
    together = Together(unfinished)
    puts = [
        asyncio.create_task(together.put(str(number), tmp_path / str(number), b"x"))
        for number in range(10)
    ]
    await asyncio.sleep(0)  # each has written its draft and waits
    puts[3].cancel()

    outcomes = await asyncio.gather(*puts, return_exceptions=True)

    cancelled = [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes]
    assert cancelled == [number == 3 for number in range(10)]
    assert files_in(unfinished) == []


async def test_more_than_may_be_open_at_once_wait_for_their_turn(
    unfinished: Path, tmp_path: Path
) -> None:
    together = Together(unfinished)
    count = 3 * OPEN_AT_ONCE
    puts = [
        asyncio.create_task(together.put(str(number), tmp_path / str(number), b"x"))
        for number in range(count)
    ]
    await asyncio.sleep(0)

    assert len(files_in(unfinished)) == OPEN_AT_ONCE
    assert len(await asyncio.gather(*puts)) == count
    assert files_in(unfinished) == []
