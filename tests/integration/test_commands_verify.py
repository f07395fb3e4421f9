"""`waybill verify` finds a log sound or names what is not, also while it grows, for scripts too."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from events.store import Stored
from events.verify import sealed
from tests.data_folders import lively
from tests.fakes import FakeClock
from tests.integration.commands_support import Ended, served, tables_tell_of, waybill
from tests.stores import sqlite_log

CHECKS = ["positions", "versions", "times", "chain", "streams", "readable"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify") / "data"


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Stored]:
    return asyncio.run(lively(folder, documents=6))


@pytest.fixture
def damaged(folder: Path, log: list[Stored], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "data"))


def verify(folder: Path, *more: str) -> Ended:
    return waybill("verify", "--data", str(folder), "--json", *more)


def spoil(folder: Path, statement: str, *parameters: object) -> None:
    """Change the database past everything that would keep us from it."""
    with closing(sqlite3.connect(folder / "log.db")) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, parameters)


def levels(done: Ended) -> dict[str, str]:
    return {each["check"]: each["level"] for each in done.objects if "check" in each}


def anchor_of(stored: Stored) -> str:
    return f"{stored.position}:{stored.chain.hex()}"


def test_a_sound_log_is_said_to_be_sound_check_by_check(folder: Path, log: list[Stored]) -> None:
    done = verify(folder)

    head = done.objects[-1]
    assert (done.code, done.err) == (0, "")
    assert levels(done) == dict.fromkeys(CHECKS, "ok")
    assert (head["events"], head["position"]) == (len(log), len(log))
    assert head["chain"] == log[-1].chain.hex()


def test_for_people_the_last_line_is_the_head_to_keep(folder: Path, log: list[Stored]) -> None:
    done = waybill("verify", "--data", str(folder))

    assert done.code == 0
    assert f"1 to {len(log)}, none is missing" in done.out
    assert done.out.splitlines()[-1].startswith(f"head {anchor_of(log[-1])} (log epoch")


def test_an_anchor_is_what_it_was(folder: Path, log: list[Stored]) -> None:
    done = verify(folder, "--anchor", anchor_of(log[40]))

    assert done.code == 0
    assert levels(done)["anchor"] == "ok"


@pytest.mark.parametrize("changed", ["another chain", "events were taken away"])
def test_a_log_that_was_written_anew_is_found_by_an_anchor(
    folder: Path, log: list[Stored], tmp_path: Path, changed: str
) -> None:
    anchor = anchor_of(log[-1])
    other = tmp_path / "other"
    if changed == "another chain":
        asyncio.run(lively(other, documents=7))
    else:
        asyncio.run(lively(other, documents=1))

    done = verify(other, "--anchor", anchor)

    assert done.code == 1
    assert levels(done) == {**dict.fromkeys(CHECKS, "ok"), "anchor": "problem"}


@pytest.mark.parametrize(
    ("statement", "check", "position"),
    [
        ("DELETE FROM events WHERE position = 50", "positions", 50),
        ("UPDATE events SET data = replace(data, 'doc', 'dog') WHERE position = 50", "chain", 50),
        ("UPDATE events SET recorded_at = 1 WHERE position = 50", "times", 50),
        ("UPDATE events SET version = version + 5000 WHERE position = 50", "versions", 50),
        ("UPDATE events SET chain = x'00' WHERE position = 50", "chain", 50),
        ("UPDATE streams SET name = 'document-x' WHERE stream_no = 1", "chain", 1),
    ],
)
def test_the_first_bad_position_and_what_is_bad_there_are_named(
    damaged: Path, statement: str, check: str, position: int
) -> None:
    spoil(damaged, statement)

    done = verify(damaged)

    found = next(each for each in done.objects if each.get("level") == "problem")
    assert done.code == 1
    assert found["check"] == check
    assert found["text"].startswith(f"position {position} is bad: ")
    assert "restore the newest sound copy" in found["repair"]
    assert done.objects[-1]["position"] == position - 1


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE streams SET version = version + 1 WHERE stream_no = 2", "stream document-doc_"),
        ("UPDATE events SET position = 0 WHERE position = (SELECT max(position) FROM events)", "0"),
    ],
)
def test_tables_that_do_not_agree_are_found(damaged: Path, statement: str, complaint: str) -> None:
    spoil(damaged, statement)

    done = verify(damaged)

    assert done.code == 1
    assert levels(done)["streams"] == "problem"
    assert complaint in next(e["text"] for e in done.objects if e.get("level") == "problem")


def test_events_of_a_newer_version_are_a_warning(damaged: Path, log: list[Stored]) -> None:
    asyncio.run(newer(damaged, log))

    done = verify(damaged)

    assert done.code == 0
    assert levels(done) == {**dict.fromkeys(CHECKS, "ok"), "readable": "warning"}
    assert f"the first at position {len(log) + 1}" in done.out


async def newer(folder: Path, log: list[Stored]) -> None:
    """Restore an event, soundly sealed, whose type nobody knows yet."""
    last = log[-1]
    event = msgspec.structs.replace(
        last, position=last.position + 1, version=last.version + 1, type="page_folded"
    )
    event = msgspec.structs.replace(event, chain=sealed(event, last.chain))
    async with sqlite_log(folder, FakeClock()) as store:
        await store.restore([event])


def test_a_running_service_is_not_disturbed(damaged: Path, log: list[Stored]) -> None:
    with served(damaged) as url:
        done = verify(damaged, "--anchor", anchor_of(log[-1]))
        tables_tell_of(len(log), url)
        alive = waybill("history", "doc_3", url=url)

    assert done.code == 0
    assert set(levels(done).values()) == {"ok"}
    assert alive.code == 0


@pytest.mark.parametrize("anchor", ["", "5", "5:abc", "0:" + "0" * 64, ":" + "0" * 64])
def test_what_is_no_anchor_is_refused(folder: Path, log: list[Stored], anchor: str) -> None:
    done = verify(folder, "--anchor", anchor)

    assert (done.code, done.out) == (2, "")
    assert "is no anchor; write it as POSITION:CHAIN" in " ".join(
        done.err.replace("│", " ").split()
    )
