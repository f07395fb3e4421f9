"""`waybill import` restores a log byte for byte, goes on where it stopped, and names a bad line."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.store import Stored
from tests.data_folders import all_stored, grown, lively, long_log
from tests.fakes import FakeClock
from tests.integration.commands_support import Ended, killed_at, served, tables_tell_of, waybill
from tests.stores import sqlite_log

LINE = 100
"""The number of the line that tests spoil; it holds the event at one position less."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("import") / "data"


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Stored]:
    return asyncio.run(lively(folder))


@pytest.fixture(scope="module")
def exported(folder: Path, log: list[Stored]) -> Path:
    file = folder.parent / "log.jsonl"
    assert waybill("export", str(file), "--data", str(folder)).code == 0
    return file


def import_(file: Path, folder: Path) -> Ended:
    return waybill("import", str(file), "--data", str(folder), "--json")


def stored_in(folder: Path) -> list[Stored]:
    async def read() -> list[Stored]:
        async with sqlite_log(folder, FakeClock()) as store:
            return await all_stored(store)

    return asyncio.run(read())


def exported_again(folder: Path) -> bytes:
    file = folder.parent / f"{folder.name}-again.jsonl"
    assert waybill("export", str(file), "--data", str(folder)).code == 0
    return file.read_bytes()


def test_a_log_comes_back_byte_for_byte(exported: Path, log: list[Stored], tmp_path: Path) -> None:
    done = import_(exported, tmp_path / "new")

    [told] = done.objects
    assert (done.code, done.err) == (0, "")
    assert (told["last"], told["added"]) == (len(log), len(log))
    assert told["chain"] == log[-1].chain.hex()
    assert stored_in(tmp_path / "new") == log
    assert exported_again(tmp_path / "new") == exported.read_bytes()


def test_standard_input_is_taken_too(exported: Path, log: list[Stored], tmp_path: Path) -> None:
    new = tmp_path / "new"

    done = waybill("import", "-", "--data", str(new), stdin=exported.read_bytes())

    assert (done.code, done.err) == (0, "")
    assert stored_in(new) == log


def test_a_service_goes_on_from_a_restored_log(
    exported: Path, log: list[Stored], tmp_path: Path
) -> None:
    new = tmp_path / "new"
    import_(exported, new)

    with served(new) as url:
        tables_tell_of(log[-1].position, url)
        told = waybill("history", "doc_3", "--json", url=url).objects
        running = import_(exported, new)

    ours = [stored.position for stored in log if stored.stream == "document-doc_3"]
    assert [each["position"] for each in told][: len(ours)] == ours
    assert (running.code, running.out) == (2, "")
    assert "is in use by another Waybill" in running.err


def test_the_same_import_once_more_adds_nothing_and_a_newer_one_what_is_new(
    log: list[Stored], folder: Path, exported: Path, tmp_path: Path
) -> None:
    source, new = tmp_path / "source", tmp_path / "new"
    shutil.copytree(folder, source)
    import_(exported, new)

    again = import_(exported, new)
    asyncio.run(grown(source, "doc_new", "one", "two"))
    newer = tmp_path / "newer.jsonl"
    assert waybill("export", str(newer), "--data", str(source)).code == 0
    more = import_(newer, new)

    assert (again.code, again.objects[0]["added"]) == (0, 0)
    assert (more.code, more.objects[0]["added"]) == (0, 2)
    assert exported_again(new) == newer.read_bytes()


def test_a_log_that_holds_something_else_is_left_alone(exported: Path, tmp_path: Path) -> None:
    other = asyncio.run(lively(tmp_path / "other", documents=1))

    done = import_(exported, tmp_path / "other")

    assert (done.code, done.out) == (1, "")
    assert "there is a log already" in done.err
    assert "import into an empty database" in done.err
    assert stored_in(tmp_path / "other") == other


def test_a_log_that_went_on_is_left_alone(
    exported: Path, log: list[Stored], tmp_path: Path
) -> None:
    new = tmp_path / "new"
    import_(exported, new)
    longer = asyncio.run(grown(new, "doc_new", "one"))

    done = import_(exported, new)

    assert (done.code, done.out) == (1, "")
    assert f"the log goes on to position {len(log) + 1}, and the file ends before" in done.err
    assert stored_in(new) == longer


def changed(**fields: Any) -> Callable[[bytes], bytes]:
    def change(line: bytes) -> bytes:
        return json.dumps({**json.loads(line), **fields}, separators=(",", ":")).encode() + b"\n"

    return change


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "data": (lambda line: line.replace(b"doc_", b"dOc_", 1), f"line {LINE}: "),
    "no JSON": (lambda line: line[:40] + b"\n", f"line {LINE}: "),
    "position": (changed(position=LINE + 5), f"line {LINE}: "),
    "version": (changed(version=99), f"line {LINE}: "),
    "time": (changed(recorded_at=1), f"line {LINE}: "),
    "chain": (changed(chain="0" * 64), f"line {LINE}: "),
    "no chain": (changed(chain="xyz"), f"line {LINE}: "),
    "unknown field": (changed(more=1), f"line {LINE}: "),
    "missing": (lambda _: b"", f"line {LINE}: "),
    "twice": (lambda line: line + line, f"line {LINE + 1}: "),
    "too long": (lambda line: b" " * (1 << 21) + line, f"line {LINE}: it has no end"),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_bad_line_is_named_and_the_import_goes_on_once_it_is_repaired(
    exported: Path, log: list[Stored], tmp_path: Path, spoilt: str
) -> None:
    spoil, complaint = SPOILT[spoilt]
    lines = exported.read_bytes().splitlines(keepends=True)
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"".join([*lines[: LINE - 1], spoil(lines[LINE - 1]), *lines[LINE:]]))

    done = import_(bad, tmp_path / "new")

    assert (done.code, done.out) == (1, "")
    assert complaint in done.err
    assert stored_in(tmp_path / "new") in (log[: LINE - 2], log[: LINE - 1], [])
    assert import_(exported, tmp_path / "new").code == 0
    assert stored_in(tmp_path / "new") == log


def test_a_file_that_was_cut_off_is_told_as_such(
    exported: Path, log: list[Stored], tmp_path: Path
) -> None:
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(exported.read_bytes()[:-10])

    done = import_(cut, tmp_path / "new")

    assert done.code == 1
    assert f"line {len(log) + 1}: it has no end: the file is cut off" in done.err


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1: it does not begin like an export of Waybill"),
        (b"position,document_id\n", "line 1: it does not begin like an export of Waybill"),
        (
            b'{"waybill_log":2,"epoch":"e","first":1,"chain_before":"' + b"0" * 64 + b'"}\n',
            "line 1: it has format 2, and this version of Waybill reads 1",
        ),
        (
            b'{"waybill_log":1,"epoch":"e","first":7,"chain_before":"' + b"0" * 64 + b'"}\n',
            "the file begins at position 7",
        ),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(content)

    done = import_(file, tmp_path / "new")

    assert (done.code, done.out) == (1, "")
    assert complaint in done.err


def test_an_import_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    source, new, file = tmp_path / "source", tmp_path / "new", tmp_path / "log.jsonl"
    asyncio.run(long_log(source, events=12_000))
    assert waybill("export", str(file), "--data", str(source)).code == 0
    for size in (1, 1_000_000, 3_000_000):
        wal = new / "log.db-wal"
        command = ("import", str(file), "--data", str(new))
        killed_at(wal, size, *command, log=tmp_path / "err.log")

    done = import_(file, new)

    assert (done.code, done.err) == (0, "")
    assert exported_again(new) == file.read_bytes()
