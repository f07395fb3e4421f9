"""The verbs that read the log themselves, on PostgreSQL; and a log that moves between databases."""

import asyncio
from pathlib import Path

import pytest

from events.store import Stored
from tests.data_folders import lively
from tests.integration.commands_support import Ended, waybill
from tests.postgres import database_of, server

BAD = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("postgresql") / "data"


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Stored]:
    return asyncio.run(lively(folder, documents=6))


@pytest.fixture(scope="module")
def exported(folder: Path, log: list[Stored]) -> Path:
    file = folder.parent / "sqlite.jsonl"
    assert waybill("export", str(file), "--data", str(folder)).code == 0
    return file


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database_of(tmp_path)


def on(url: str, *arguments: str) -> Ended:
    return waybill(*arguments, more={"WAYBILL_DATABASE_URL": url})


def test_a_log_moves_to_postgresql_and_back_without_one_other_byte(
    exported: Path, log: list[Stored], url: str, tmp_path: Path
) -> None:
    there = on(url, "import", str(exported), "--json")
    back = on(url, "export", str(tmp_path / "postgresql.jsonl"), "--json")
    home = waybill("import", str(tmp_path / "postgresql.jsonl"), "--data", str(tmp_path / "new"))
    again = waybill("export", str(tmp_path / "again.jsonl"), "--data", str(tmp_path / "new"))

    assert [each.code for each in (there, back, home, again)] == [0, 0, 0, 0], there.err
    assert there.objects[0]["chain"] == back.objects[0]["chain"] == log[-1].chain.hex()
    whole = exported.read_bytes()
    assert (tmp_path / "postgresql.jsonl").read_bytes() == whole
    assert (tmp_path / "again.jsonl").read_bytes() == whole


def test_every_verb_tells_the_same_as_on_sqlite(exported: Path, folder: Path, url: str) -> None:
    on(url, "import", str(exported))

    for arguments in (
        ("events", "--json", "--since", "20", "--until", "60"),
        ("events", "--json", "--document", "doc_3"),
        ("replay", "--json", "--as-of", "80"),
        ("replay", "--json", "--play", "max", "--since", "30", "--as-of", "70"),
        ("verify", "--json"),
    ):
        there = on(url, *arguments)
        here = waybill(*arguments, "--data", str(folder))
        assert (there.code, there.err, there.out) == (0, "", here.out), arguments


def test_a_damaged_event_is_named(exported: Path, url: str) -> None:
    on(url, "import", str(exported))
    database = url.rpartition("/")[2]
    server().sql("ALTER TABLE log.events DISABLE TRIGGER USER", database)
    server().sql(f"UPDATE log.events SET data = data || ' ' WHERE position = {BAD}", database)

    verified = on(url, "verify")
    copied = on(url, "export", "-")

    assert (verified.code, copied.code) == (1, 1)
    assert f"position {BAD} is bad" in verified.out
    assert f"position {BAD} of the log is bad" in copied.err
    assert copied.out.count("\n") == BAD  # the first line, and the events before the bad one


def test_a_database_that_is_away_or_empty_is_told_as_such(url: str) -> None:
    empty = on(url.rpartition("/")[0] + "/postgres", "verify")
    away = on("postgresql://postgres@127.0.0.1:1/nothing", "verify")

    assert (empty.code, away.code) == (3, 3)
    assert "there is no log at PostgreSQL at 127.0.0.1" in empty.err
    assert "127.0.0.1:1" in away.err
