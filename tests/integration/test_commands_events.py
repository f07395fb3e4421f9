"""`waybill events` on a real log: everything, or what the filters leave, also while it grows."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from events.store import Stored
from tests.data_folders import grown, lively
from tests.integration.commands_support import next_line, running, stop, waybill

MIDDLE = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("events") / "data"


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Stored]:
    return asyncio.run(lively(folder))


def positions(*arguments: str, folder: Path) -> list[int]:
    done = waybill("events", "--data", str(folder), "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return [each["position"] for each in done.objects]


def time_of(stored: Stored) -> str:
    return datetime.fromtimestamp(stored.recorded_at / 1e6).astimezone().isoformat()


def test_every_event_is_told_with_all_that_is_known_of_it(folder: Path, log: list[Stored]) -> None:
    told = waybill("events", "--data", str(folder), "--json").objects

    assert [each["position"] for each in told] == [stored.position for stored in log]
    first, stored = told[0], log[0]
    assert (first["type"], first["version"]) == (stored.type, stored.version)
    assert (first["event_id"], first["document_id"]) == (stored.event_id, "doc_0")
    assert first["data"]["name"] == "a.pdf"
    assert first["meta"] == {"node": "n1"}
    assert first["text"].startswith("Uploaded by ann: a.pdf")


def test_for_people_each_event_is_a_line_with_its_sentence(folder: Path, log: list[Stored]) -> None:
    lines = waybill("events", "--data", str(folder), "--utc").out.splitlines()

    assert len(lines) == len(log)
    assert (
        lines[0].lstrip() == "1  2025-01-01 00:00:00.000  doc_0  Uploaded by ann: a.pdf, 1 bytes."
    )


def test_since_and_until_take_positions_and_both_ends_belong_to_it(
    folder: Path, log: list[Stored]
) -> None:
    chosen = positions("--since", "10", "--until", "20", folder=folder)

    assert chosen == list(range(10, 21))


def test_since_and_until_take_times_and_both_ends_belong_to_it(
    folder: Path, log: list[Stored]
) -> None:
    first, last = log[MIDDLE], log[MIDDLE + 30]

    chosen = positions("--since", time_of(first), "--until", time_of(last), folder=folder)

    inside = [e for e in log if first.recorded_at <= e.recorded_at <= last.recorded_at]
    assert chosen == [stored.position for stored in inside]


def test_one_document_and_some_types_are_chosen(folder: Path, log: list[Stored]) -> None:
    types = ("enqueued", "processing_started")
    wanted = [e for e in log if e.stream == "document-doc_3" and e.type in types]

    chosen = positions("--document", "doc_3", "--type", types[0], "--type", types[1], folder=folder)
    late = positions("--document", "doc_3", "--since", str(MIDDLE), folder=folder)

    assert chosen == [stored.position for stored in wanted]
    assert late == [
        e.position for e in log if e.stream == "document-doc_3" and e.position >= MIDDLE
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--since", "yesterday"), 2, "'yesterday' is neither a position nor a time; write"),
        (("--until", "999999"), 1, "the log ends at position"),
        (("--until", "2999-01-01T00:00:00Z"), 1, "2999-01-01T00:00:00.000000Z has not come yet"),
        (("--type", "enqueud"), 2, "there is no event type 'enqueud'; did you mean enqueued?"),
        (("--document", "nobody"), 1, "document 'nobody' is not known; check the id"),
        (("--follow", "--until", "3"), 2, "--follow has no end, and --until is one"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    folder: Path, log: list[Stored], arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    done = waybill("events", "--data", str(folder), *arguments)

    assert (done.code, done.out) == (code, "")
    assert complaint in done.err


def test_since_what_has_not_come_yet_there_is_nothing_and_it_says_so(
    folder: Path, log: list[Stored]
) -> None:
    done = waybill("events", "--data", str(folder), "--since", "999999")

    assert (done.code, done.out) == (0, "")
    assert done.err == f"waybill: nothing since 999999: the log ends at position {len(log)}\n"


def test_without_a_log_it_says_where_it_looked(tmp_path: Path) -> None:
    done = waybill("events", "--data", str(tmp_path / "nothing"))

    assert (done.code, done.out) == (3, "")
    assert "there is no log at" in done.err
    assert "--data" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    asyncio.run(lively(folder, documents=1))
    yield folder


def test_following_goes_on_with_what_is_appended(growing: Path, tmp_path: Path) -> None:
    head = positions(folder=growing)[-1]
    arguments = ("events", "--data", str(growing), "--follow", "--since", str(head))
    with running(*arguments, log=tmp_path / "err.log") as process:
        first = next_line(process)
        asyncio.run(grown(growing, "doc_new", "one", "two"))
        following = [next_line(process), next_line(process)]

        assert first.lstrip().startswith(f"{head}  ")
        assert [line.lstrip().split("  ")[0] for line in following] == [
            str(head + 1),
            str(head + 2),
        ]
        assert all("doc_new" in line for line in following)
        assert stop(process, 2) == 130
