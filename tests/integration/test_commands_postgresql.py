"""The verbs that open the log themselves, on PostgreSQL: the same words as on SQLite's files."""

import asyncio
from pathlib import Path

import pytest

from tests.data_folders import lively
from tests.integration.commands_support import Ended, waybill
from tests.postgres import empty_database


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in a file, and an export of it beside it."""
    above = tmp_path_factory.mktemp("moving")
    asyncio.run(lively(above / "data"))
    on_file(above, "export", str(above / "log.jsonl"))
    return above


@pytest.fixture(scope="module")
def url(folder: Path) -> str:
    """The same log in PostgreSQL."""
    url = empty_database(folder)
    on_postgresql(url, folder, "import", str(folder / "log.jsonl"))
    return url


def on_file(above: Path, *arguments: str) -> Ended:
    return done(waybill(*arguments, "--data", str(above / "data")))


def on_postgresql(url: str, above: Path, *arguments: str) -> Ended:
    more = {"WAYBILL_DATABASE_URL": url}
    return done(waybill(*arguments, "--data", str(above / "none"), more=more))


def done(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


def test_a_log_comes_back_from_postgresql_as_it_came_from_the_file(folder: Path, url: str) -> None:
    on_postgresql(url, folder, "export", str(folder / "back.jsonl"))

    assert (folder / "back.jsonl").read_bytes() == (folder / "log.jsonl").read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "--json"),
        ("events", "--utc"),
        ("events", "--json", "--document", "doc_1"),
        ("replay", "--json", "--as-of", "150"),
    ],
    ids=" ".join,
)
def test_a_verb_says_the_same(folder: Path, url: str, command: tuple[str, ...]) -> None:
    assert on_postgresql(url, folder, *command).out == on_file(folder, *command).out


def test_tables_are_made_anew_without_a_server(folder: Path, url: str) -> None:
    nobody = "http://127.0.0.1:1"

    told = on_postgresql(url, folder, "rebuild", "documents", "--json", "--url", nobody).objects

    assert told[-1]["done"] is True


def test_without_a_log_a_verb_says_where_it_looked(tmp_path: Path) -> None:
    ended = waybill("verify", more={"WAYBILL_DATABASE_URL": empty_database(tmp_path)})

    assert ended.code != 0
    assert "there is no log at PostgreSQL at 127.0.0.1:" in ended.err
