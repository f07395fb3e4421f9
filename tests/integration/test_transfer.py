"""Exports and checks of logs that are large, damaged, or no longer whole."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from events.sql import SqlEventStore
from events.store import Stored
from service.transfer.export import Damaged, export, origin_of
from service.transfer.line_file import LineFile
from service.transfer.lines import event_of, heading_of
from service.transfer.restore import NotRestored, Numbered, restore
from service.transfer.targets import Reached
from service.transfer.verifying import Anchor, Verdict, Verification
from tests.chaos_log import chaos
from tests.data_folders import all_stored, append_all, long_log, made
from tests.fakes import FakeClock
from tests.integration.commands_support import WAYBILL, environment, waybill
from tests.stores import archive, sqlite_log

pytestmark = pytest.mark.anyio

ARCHIVED = 30
SMALL, LARGE = 5_000, 50_000
ROOM_KIB = 16 * 1024
"""What a tenfold log may cost in memory; a list of its events would take three times that."""


class Kept:
    """A target in a list."""

    def __init__(self, reached: Reached) -> None:
        self.reached = reached
        self.events: list[Stored] = []

    def write(self, page: Sequence[Stored]) -> None:
        self.events += page
        self.reached = Reached(page[-1].position, page[-1].chain)

    def close(self) -> None:
        return


async def verified(store: SqlEventStore, anchor: Anchor | None = None) -> Verdict:
    verification = Verification(store, anchor=anchor)
    return await verification.run(upto=await store.head(), on_events=lambda _: None)


async def test_a_log_whose_beginning_is_archived_is_checked_and_exported_from_there(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with sqlite_log(made(tmp_path / "data"), clock) as store:
        assert isinstance(store, SqlEventStore)
        await append_all(store, clock, chaos(range(5)))
        whole = await all_stored(store)
        await archive(store, ARCHIVED)

        verdict = await verified(store, Anchor(60, whole[59].chain))
        target = LineFile(tmp_path / "log.jsonl", await origin_of(store))
        await export(store, target, upto=await store.head(), on_events=lambda _: None)
        target.close()

    assert (verdict.broken, verdict.disagreement, verdict.after) == (None, None, ARCHIVED + 1)
    assert verdict.anchor_chain == whole[59].chain
    [first, *lines] = (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True)
    assert (heading_of(first).first, heading_of(first).chain_before) == (ARCHIVED + 1, None)
    assert [event_of(line) for line in lines] == whole[ARCHIVED:]


async def test_such_an_export_is_continued_but_not_imported(
    tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "log.jsonl"
    async with sqlite_log(made(tmp_path / "data"), clock) as store:
        await append_all(store, clock, chaos(range(5)))
        whole = await all_stored(store)
        await archive(store, ARCHIVED)
        for upto in (ARCHIVED, ARCHIVED + 7, len(whole)):
            target = LineFile(file, await origin_of(store))
            await export(store, target, upto=upto, on_events=lambda _: None)
            target.close()

    lines = file.read_bytes().splitlines(keepends=True)[1:]
    assert [event_of(line) for line in lines] == whole[ARCHIVED:]
    async with sqlite_log(made(tmp_path / "new"), clock) as empty:
        with file.open("rb") as opened, pytest.raises(NotRestored, match="begins at position 31"):
            numbered = Numbered(opened)
            await restore(empty, numbered, numbered.heading(), on_line=lambda _: None)


async def test_an_export_ends_in_front_of_a_damaged_event(tmp_path: Path, clock: FakeClock) -> None:
    folder = made(tmp_path / "data")
    async with sqlite_log(folder, clock) as store:
        assert isinstance(store, SqlEventStore)
        await append_all(store, clock, chaos(range(3)))
        whole = await all_stored(store)

        def spoil(connection: object) -> None:
            driver = connection.connection.driver_connection  # type: ignore[attr-defined] # SQLite's
            for (name,) in driver.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                driver.execute(f"DROP TRIGGER {name}")
            driver.execute("UPDATE events SET data = CAST(x'7bff7d' AS TEXT) WHERE position = 40")

        await store.database.write(spoil)
        kept = Kept(Reached(0, bytes(32)))
        with pytest.raises(Damaged, match="position 40 of the log is bad"):
            await export(store, kept, upto=len(whole), on_events=lambda _: None)

    assert kept.events == whole[:39]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sizes")
    for events in (SMALL, LARGE):
        asyncio.run(long_log(folder / f"{events}", events=events))
        file = folder / f"{events}.jsonl"
        assert waybill("export", str(file), "--data", str(folder / f"{events}")).code == 0
    return folder


def peak_kib(*arguments: str) -> int:
    """The most memory that a command had at once."""
    process = subprocess.Popen([*WAYBILL, *arguments], env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--data", "{size}"),
        ("events", "--data", "{size}"),
        ("export", "{new}.jsonl", "--data", "{size}"),
        ("export", "{new}.csv", "--data", "{size}"),
        ("export", "{new}.parquet", "--data", "{size}"),
        ("import", "{size}.jsonl", "--data", "{new}"),
        ("replay", "--data", "{size}"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_the_memory_needed_does_not_grow_with_the_log(
    sizes: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    small, large = (
        peak_kib(
            *(each.format(size=sizes / f"{size}", new=tmp_path / f"{size}") for each in arguments)
        )
        for size in (SMALL, LARGE)
    )

    assert large - small < ROOM_KIB
