"""Words, signs and lengths of time as a person reads them."""

import pytest
from msgspec.structs import replace

from events.document.state import Status
from service.commands.document import Document
from service.commands.wording import (
    LOOKS,
    SECOND,
    duration,
    line,
    moment,
    plain,
    remark,
    size,
    state,
    until,
)

NOW = moment("2026-11-23T14:02:00.000000Z")


def test_every_status_has_a_word_and_a_sign_of_its_own() -> None:
    assert set(LOOKS) == {status.value for status in Status}
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document(id="d", status="received"), "Received"),
        (Document(id="d", status="processing"), "Processing"),
        (Document(id="d", status="processing", pages_done=12, pages_total=50), "Processing 12/50"),
        (
            Document(id="d", status="retrying", retry_at="2026-11-23T14:04:00.000000Z"),
            "Retrying in 2 m",
        ),
        (
            Document(id="d", status="retrying", retry_at="2026-11-23T14:01:59.000000Z"),
            "Retrying now",
        ),
        (Document(id="d", status="succeeded"), "Done"),
        (Document(id="d", status="something-new"), "Unknown"),
    ],
)
def test_a_state_is_said_in_words(document: Document, words: str) -> None:
    assert state(document, now=NOW) == words


def test_a_failed_document_says_why() -> None:
    document = Document(id="d", status="failed", name="a.pdf", error="It needs a password.")

    assert line(document, now=NOW) == "d  ✗ Failed  a.pdf: It needs a password."


def test_what_was_erased_is_erased_and_nothing_else() -> None:
    document = Document(id="d", status="failed", name="erased", error="erased", erasure="complete")

    assert line(document, now=NOW) == "d  ∅ Erased"
    begun = replace(document, erasure="requested")
    assert line(begun, now=NOW) == "d  ∅ Erased: not everywhere yet"


def test_a_finished_document_says_how_much_it_was() -> None:
    assert remark(Document(id="d", status="succeeded", pages_total=1)) == "1 page"
    thrice = Document(id="d", status="succeeded", pages_total=12, attempt=3)
    assert remark(thrice) == "12 pages, at attempt 3"


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [
        (-1, "0 ms"),
        (37_900, "37 ms"),
        (1_250_000, "1.2 s"),
        (59_999_999, "59.9 s"),
        (60 * SECOND, "1 m"),
        (125 * SECOND, "2 m 5 s"),
        (3 * 3600 * SECOND + 240 * SECOND, "3 h 4 m"),
        (49 * 3600 * SECOND, "2 d 1 h"),
    ],
)
def test_a_duration_has_at_most_two_units(microseconds: int, words: str) -> None:
    assert duration(microseconds) == words


def test_a_countdown_rounds_up_and_ends_at_now() -> None:
    assert until(1) == "in 1 s"
    assert until(61 * SECOND) == "in 1 m 1 s"
    assert until(0) == "now"


@pytest.mark.parametrize(
    ("count", "words"),
    [(999, "999 bytes"), (1_700, "1.7 kB"), (9_972_089, "10.0 MB"), (2 * 10**9, "2.0 GB")],
)
def test_sizes_are_in_powers_of_ten(count: int, words: str) -> None:
    assert size(count) == words


def test_a_file_name_cannot_command_the_terminal() -> None:
    assert plain("a\x1b[2Jb\r\nc.pdf") == "a�[2Jb��c.pdf"


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 400, longest=10) == "x" * 9 + "…"


def test_times_are_read_to_the_microsecond() -> None:
    assert moment("1970-01-01T00:00:01.000002Z") == 1_000_002
