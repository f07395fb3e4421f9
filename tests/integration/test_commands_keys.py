"""Keys leave and come back with their log: with them it is read, without them it says erased."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from events.document.facts import DocumentErased
from tests.fakes import FakeClock
from tests.golden.samples import SAMPLES
from tests.integration.commands_support import waybill
from tests.integration.test_sealing import LIFE, OTHER, opened

NAME = "Straße – 請求書.pdf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log with two documents; one of them was erased, and its keys are still there."""

    async def tell() -> None:
        async with opened(tmp_path / "data", FakeClock()) as world:
            await world.tell(*LIFE)
            await world.tell(*[replace(fact, document_id=OTHER) for fact in LIFE])
            await world.tell(replace(SAMPLES[DocumentErased], document_id=OTHER), expected=5)

    (tmp_path / "data").mkdir()
    asyncio.run(tell())
    return tmp_path / "data"


@pytest.fixture
def exported(folder: Path) -> tuple[Path, Path]:
    log, keys = folder.parent / "log.jsonl", folder.parent / "keys.jsonl"
    done = waybill("export", str(log), "--keys", str(keys), "--data", str(folder))
    assert done.code == 0, done.err
    return log, keys


def names_in(folder: Path) -> list[str]:
    """The names of the registered documents, as the command line shows them."""
    done = waybill("events", "--json", "--data", str(folder))
    assert done.code == 0, done.err
    return [data["name"] for data in map(_data, done.objects) if "name" in data]


def _data(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event["data"]
    return found


def test_a_log_without_its_keys_is_restored_and_reads_erased(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    log, _ = exported
    new = tmp_path / "new"

    assert waybill("import", str(log), "--data", str(new)).code == 0

    assert names_in(new) == ["erased", "erased"]
    assert waybill("verify", "--data", str(new)).code == 0


def test_with_its_keys_it_is_opened_but_for_what_was_erased(
    folder: Path, exported: tuple[Path, Path], tmp_path: Path
) -> None:
    log, keys = exported
    new = tmp_path / "new"
    assert names_in(folder) == [NAME, NAME]

    done = waybill("import", str(log), "--keys", str(keys), "--data", str(new))

    assert done.code == 0, done.err
    assert names_in(new) == [NAME, "erased"]


def test_keys_may_come_later_and_come_twice(exported: tuple[Path, Path], tmp_path: Path) -> None:
    log, keys = exported
    new = tmp_path / "new"
    assert waybill("import", str(log), "--data", str(new)).code == 0

    for _ in range(2):
        done = waybill("import", str(log), "--keys", str(keys), "--data", str(new))
        assert done.code == 0, done.err

    assert names_in(new) == [NAME, "erased"]


def test_the_keys_are_for_our_eyes_and_take_the_place_of_older_ones(
    folder: Path, exported: tuple[Path, Path]
) -> None:
    log, keys = exported
    before = keys.read_bytes()

    again = waybill("export", str(log), "--keys", str(keys), "--data", str(folder))

    assert again.code == 0, again.err
    assert keys.read_bytes() == before
    assert keys.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "line 1 of the keys"),
        (b'{"waybill_keys":1,"epoch":"another"}\n', "another log"),
        (b'{"waybill_keys":1,"epoch":"EPOCH"}\n{"number":1,"secrets":"AAAA"}\n', "line 2"),
        (b'{"waybill_keys":1,"epoch":"EPOCH"}\nnonsense\n', "line 2"),
    ],
)
def test_what_are_no_keys_of_this_log_is_refused(
    exported: tuple[Path, Path], tmp_path: Path, content: bytes, told: str
) -> None:
    log, keys = exported
    epoch = keys.read_bytes().split(b'"epoch":"')[1].split(b'"')[0]
    keys.write_bytes(content.replace(b"EPOCH", epoch))

    done = waybill("import", str(log), "--keys", str(keys), "--data", str(tmp_path / "new"))

    assert done.code == 1
    assert told in done.err


def test_a_file_of_something_else_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "letter.txt"
    precious.write_text("dear ann")

    done = waybill(
        "export", str(tmp_path / "log.jsonl"), "--keys", str(precious), "--data", str(folder)
    )

    assert done.code == 1
    assert "no file of keys" in done.err
    assert precious.read_text() == "dear ann"
