"""The small rules of the command line: history, the demo's verdict, doctor's findings."""

import inspect

import httpx
import pytest

from service.commands.demo_documents import SAMPLES, Sample, differences
from service.commands.document import Document, document_from, json_line
from service.commands.endings import (
    MEANINGS,
    ExitCode,
    Refused,
    Trouble,
    Unreachable,
    first_trouble,
)
from service.commands.finding import Level
from service.commands.history import told
from service.commands.machine_checks import versions
from service.commands.network_checks import clock
from service.commands.parser import VERBS
from service.commands.watching import EVERYTHING, MOST_BY_NAME, feed_path
from service.commands.wording import SECOND, moment

DATE = "Mon, 23 Nov 2026 14:02:00 GMT"
AT_DATE = moment("2026-11-23T14:02:00Z")
SAMPLE = Sample(name="a.pdf", draw=bytes, pages=3)


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_every_verb_can_tell_programs_what_it_tells_people() -> None:
    without = [
        verb.__name__ for verb in VERBS if "as_json" not in inspect.signature(verb).parameters
    ]

    assert without == []


def test_the_trouble_of_a_task_is_found_in_its_group() -> None:
    trouble = Unreachable("http://x", "refused")
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [trouble])])

    assert first_trouble(group) is trouble
    assert first_trouble(ExceptionGroup("tasks", [ValueError()])) is None


def test_a_refusal_shows_title_and_detail_and_no_control_characters() -> None:
    refused = Refused(status=409, title="Not possible now", detail="It is\x1b[2J done.")

    assert str(refused) == "Not possible now: It is�[2J done."
    assert isinstance(refused, Trouble)
    assert refused.code is ExitCode.REFUSED


def test_a_document_keeps_the_whole_answer_for_programs() -> None:
    answer = {"id": "doc_1", "status": "queued", "something_new": [1]}

    document = document_from(answer)

    assert (document.id, document.status, document.position) == ("doc_1", "queued", 0)
    assert json_line(document.answer) == '{"id":"doc_1","status":"queued","something_new":[1]}'


def test_a_few_documents_are_followed_by_name_and_many_all_together() -> None:
    assert feed_path(["b", "a/b"]) == "/v1/feed?doc=a%2Fb&doc=b"
    assert feed_path(None) == EVERYTHING
    assert feed_path([str(n) for n in range(MOST_BY_NAME + 1)]) == EVERYTHING


def test_a_history_shows_the_time_between_its_events() -> None:
    events = [
        {"recorded_at": "2026-11-23T23:59:59.900000Z", "type": "a", "text": "It was uploaded."},
        {"recorded_at": "2026-11-23T23:59:59.937000Z", "type": "b", "text": "It was queued."},
        {"recorded_at": "2026-11-24T00:02:04.937000Z", "type": "something_new"},
    ]
    document = Document(id="doc_1", status="queued", name="a.pdf")

    assert list(told(document, events, AT_DATE, utc=True)) == [
        "doc_1  ◔ Queued  a.pdf",
        "  2026-11-23, UTC",
        "  23:59:59.900             It was uploaded.",
        "  23:59:59.937     +37 ms  It was queued.",
        "  2026-11-24, UTC",
        "  00:02:04.937   +2 m 5 s  something_new",
    ]


def test_the_demo_shows_what_was_promised() -> None:
    assert [sample.name for sample in SAMPLES if sample.ends == "failed"] == ["damaged.pdf"]
    assert [sample.attempt for sample in SAMPLES if sample.processor] == [3]
    assert [sample.name for sample in SAMPLES if sample.pages > 100] == ["report.pdf"]
    assert sum(sample.name.startswith("letter") for sample in SAMPLES) == 5


def test_a_demo_that_went_well_has_no_differences() -> None:
    done = Document(id="d", status="succeeded", final=True, attempt=1, pages_total=3)

    assert differences({"d": SAMPLE}, {"d": done}) == []


@pytest.mark.parametrize(
    ("document", "difference"),
    [
        (None, "a.pdf never appeared in the feed"),
        (
            Document(id="d", status="failed", error="No memory."),
            "a.pdf should have succeeded, and it is failed (No memory.)",
        ),
        (
            Document(id="d", status="succeeded", attempt=2, pages_total=3),
            "a.pdf needed 2 attempts, not 1",
        ),
        (
            Document(id="d", status="succeeded", attempt=1, pages_total=2),
            "a.pdf has 2 pages, not 3",
        ),
    ],
)
def test_a_demo_says_what_went_differently(document: Document | None, difference: str) -> None:
    documents = {} if document is None else {"d": document}

    assert differences({"d": SAMPLE}, documents) == [difference]


def test_a_document_may_not_fail_without_a_reason() -> None:
    failing = Sample(name="a.pdf", draw=bytes, ends="failed")
    silent = Document(id="d", status="failed", attempt=1)

    assert differences({"d": failing}, {"d": silent}) == ["a.pdf failed without a reason"]


def test_old_versions_are_told_with_what_to_do() -> None:
    python, sqlite = versions((3, 10), (3, 40, 1))

    assert (python.level, sqlite.level) == (Level.PROBLEM, Level.WARNING)
    assert python.repair == "install Python 3.11"
    assert "3.51.3" in sqlite.repair


def test_new_versions_are_fine() -> None:
    assert [each.level for each in versions((3, 13), (3, 51, 3))] == [Level.OK, Level.OK]


@pytest.mark.parametrize(
    ("difference", "level"),
    [(0, Level.OK), (-5, Level.OK), (30, Level.WARNING), (-120, Level.PROBLEM)],
)
def test_clocks_may_differ_by_seconds_only(difference: int, level: Level) -> None:
    answer = httpx.Response(200, headers={"Date": DATE})

    assert clock(answer, now=AT_DATE + difference * SECOND).level is level
