"""`waybill export` keeps every event, goes on where it stopped, and never mixes two logs."""

import asyncio
import csv
import fcntl
import json
import os
import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from events.store import Stored
from projections.views import instant
from service.transfer.line_file import LineFile
from service.transfer.lines import event_of, heading_of
from service.transfer.targets import Origin
from tests.data_folders import grown, lively, long_log
from tests.integration.commands_support import killed_at, waybill

CUTS = 40
KILLS = (1, 400_000, 2_000_000)
"""Bytes after which an export is killed; the last one of the file's 6 MB or so."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export") / "data"


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Stored]:
    return asyncio.run(lively(folder))


def export(folder: Path, file: Path | str, *more: str) -> dict[str, Any]:
    done = waybill("export", str(file), "--data", str(folder), "--json", *more)
    assert (done.code, done.err) == (0, "")
    [told] = done.objects
    return told


def table(log: list[Stored]) -> list[dict[str, Any]]:
    """The rows that an analyst should find, times as text."""
    return [
        {
            "position": stored.position,
            "document_id": stored.stream.removeprefix("document-"),
            "stream": stored.stream,
            "version": stored.version,
            "event_id": stored.event_id,
            "type": stored.type,
            "schema_version": stored.schema_version,
            "occurred_at": instant(stored.occurred_at),
            "recorded_at": instant(stored.recorded_at),
            "correlation_id": stored.correlation_id,
            "causation_id": stored.causation_id,
            "data": stored.data.decode(),
            "meta": stored.meta.decode(),
            "chain": stored.chain.hex(),
        }
        for stored in log
    ]


def test_json_lines_keep_every_stored_byte(folder: Path, log: list[Stored], tmp_path: Path) -> None:
    told = export(folder, tmp_path / "log.jsonl")

    [first, *lines] = (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True)
    heading = heading_of(first)
    assert [event_of(line) for line in lines] == log
    assert (heading.first, heading.chain_before, heading.epoch) == (1, "0" * 64, told["epoch"])
    assert (told["first"], told["last"], told["added"]) == (1, len(log), len(log))
    assert told["chain"] == log[-1].chain.hex()


def test_csv_has_a_row_for_each_event(folder: Path, log: list[Stored], tmp_path: Path) -> None:
    export(folder, tmp_path / "log.csv")

    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in table(log)
    ]
    assert rows == expected


def test_parquet_has_a_row_for_each_event(folder: Path, log: list[Stored], tmp_path: Path) -> None:
    export(folder, tmp_path / "log.parquet")

    rows = pq.read_table(tmp_path / "log.parquet").to_pylist()
    for row in rows:
        for name in ("occurred_at", "recorded_at"):
            row[name] = row[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert rows == table(log)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_duckdb_answers_questions_about_an_export(
    folder: Path, log: list[Stored], tmp_path: Path, name: str
) -> None:
    export(folder, tmp_path / name)
    source = f"{tmp_path}/{name}" + ("/*.parquet" if name.endswith("parquet") else "")

    found = duckdb.execute(
        f"SELECT data::JSON->>'$.name', count(*), min(recorded_at) FROM '{source}' "
        "WHERE type = 'document_registered' GROUP BY 1"
    ).fetchall()

    [(named, count, first)] = found
    assert (named, count) == ("a.pdf", sum(e.type == "document_registered" for e in log))
    assert first.timestamp() * 1e6 == log[0].recorded_at


def test_standard_output_takes_json_lines(folder: Path, log: list[Stored], tmp_path: Path) -> None:
    export(folder, tmp_path / "log.jsonl")

    done = waybill("export", "-", "--data", str(folder))

    assert (done.code, done.err) == (0, "")
    assert done.out == (tmp_path / "log.jsonl").read_text()


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_a_file_that_was_cut_off_anywhere_is_completed(
    folder: Path, log: list[Stored], tmp_path: Path, name: str
) -> None:
    export(folder, tmp_path / name)
    whole = (tmp_path / name).read_bytes()

    for seed in range(CUTS // 10):
        cut = random.Random(seed).randrange(len(whole))
        (tmp_path / name).write_bytes(whole[:cut])
        told = export(folder, tmp_path / name)

        assert (tmp_path / name).read_bytes() == whole
        assert 0 <= len(log) - told["added"] <= whole[:cut].count(b"\n")


def test_json_lines_go_on_behind_the_last_whole_line_wherever_they_were_cut(
    folder: Path, log: list[Stored], tmp_path: Path
) -> None:
    export(folder, tmp_path / "log.jsonl")
    whole = (tmp_path / "log.jsonl").read_bytes()
    origin = Origin(epoch=heading_of(whole.splitlines()[0]).epoch, first=1, chain_before=bytes(32))
    for seed in range(CUTS):
        cut = random.Random(seed).randrange(len(whole) + 1)
        file = tmp_path / f"{seed}.jsonl"
        file.write_bytes(whole[:cut])
        target = LineFile(file, origin)
        if target.reached.position < len(log):
            target.write(log[target.reached.position :])
        target.close()

        assert file.read_bytes() == whole


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_what_happened_since_is_added(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    log = asyncio.run(lively(folder, documents=2))
    export(folder, tmp_path / name)
    more = asyncio.run(grown(folder, "doc_new", "one", "two"))

    told = export(folder, tmp_path / name)
    export(folder, tmp_path / f"again-{name}")

    assert (told["added"], told["last"]) == (2, len(log) + 2)
    assert told["chain"] == more[-1].chain.hex()
    if name.endswith("parquet"):
        assert pq.read_table(tmp_path / name) == pq.read_table(tmp_path / f"again-{name}")
    else:
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_another_log_is_not_mixed_in(
    folder: Path, log: list[Stored], tmp_path: Path, name: str
) -> None:
    asyncio.run(lively(tmp_path / "other", documents=1))
    export(tmp_path / "other", tmp_path / name)

    done = waybill("export", str(tmp_path / name), "--data", str(folder))

    assert (done.code, done.out) == (1, "")
    assert "another log" in done.err or "is not the one in the log" in done.err


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_of_two_exports_at_once_into_one_place_the_second_is_told_to_wait(
    folder: Path, log: list[Stored], tmp_path: Path, name: str
) -> None:
    export(folder, tmp_path / name)
    first = os.open(tmp_path / name, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    try:
        done = waybill("export", str(tmp_path / name), "--data", str(folder))
    finally:
        os.close(first)

    assert (done.code, done.out) == (1, "")
    assert "another export is writing it; wait for that one" in done.err


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_what_is_no_export_is_left_alone(folder: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name.endswith("parquet"):
        file.mkdir()
        file = file / "notes.txt"
    file.write_text("my notes, without a line end")

    done = waybill("export", str(tmp_path / name), "--data", str(folder))

    assert (done.code, done.out) == (1, "")
    assert "choose another name, or remove it first" in done.err
    assert file.read_text() == "my notes, without a line end"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("log.txt",), 2, "'log.txt' ends with none of .jsonl, .csv, .parquet"),
        (("-", "--format", "csv"), 2, "csv needs a file; standard output takes jsonl"),
        (("no/such/folder/log.csv",), 1, "No such file or directory"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    folder: Path, log: list[Stored], arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    done = waybill("export", "--data", str(folder), *arguments)

    assert (done.code, done.out) == (code, "")
    assert complaint in " ".join(done.err.replace("│", " ").split())


@pytest.fixture(scope="module")
def long_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "data"
    asyncio.run(long_log(folder, events=12_000))
    return folder


@pytest.mark.parametrize("size", KILLS)
@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_an_export_that_was_killed_is_completed_by_the_next(
    long_folder: Path, tmp_path: Path, name: str, size: int
) -> None:
    file = tmp_path / name
    killed_at(file, size, "export", str(file), "--data", str(long_folder), log=tmp_path / "err.log")

    export(long_folder, file)
    export(long_folder, tmp_path / f"whole-{name}")

    assert file.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


def test_parquet_that_was_killed_is_completed_by_the_next(
    long_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "log.parquet"
    unfinished = folder / "_unfinished.parquet"
    killed_at(
        unfinished, 1, "export", str(folder), "--data", str(long_folder), log=tmp_path / "err.log"
    )

    told = export(long_folder, folder)

    rows = pq.read_table(folder, columns=["position"])
    manifest = json.loads((folder / "_manifest.json").read_text())
    assert rows["position"].to_pylist() == list(range(1, 12_001))
    assert told["last"] == manifest["parts"][-1]["last"] == 12_000
    assert not unfinished.exists()
