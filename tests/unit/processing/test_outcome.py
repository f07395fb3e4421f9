"""What is said about a failure is short, printable and says which signal it was."""

import hashlib
import signal

import pytest

from service.processing.child import cause_of_death
from service.processing.limits import Limits
from service.processing.outcome import MESSAGE_LIMIT, NOTHING_EXTRACTED, printable


def test_a_long_message_is_cut_at_the_limit_and_shows_it() -> None:
    message = printable("x" * 10_000)

    assert len(message) == MESSAGE_LIMIT
    assert message.endswith("…")


def test_a_message_of_just_the_limit_is_kept_whole() -> None:
    assert printable("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT


def test_control_characters_and_halves_of_characters_are_replaced() -> None:
    message = printable("a\x1b[2Jb\ud800c\u202ed")

    assert message == "a\ufffd[2Jb\ufffdc\ufffdd"
    assert message.encode()


def test_a_message_is_one_line() -> None:
    assert printable("first\r\n  second\tthird") == "first second third"


def test_nothing_extracted_carries_the_hash_of_the_empty_text() -> None:
    assert hashlib.sha256(b"").hexdigest() == NOTHING_EXTRACTED.text_sha256


@pytest.mark.parametrize(
    ("exit_code", "code", "words"),
    [
        (-signal.SIGKILL, "worker_killed", "SIGKILL"),
        (-signal.SIGSEGV, "worker_crashed", "SIGSEGV"),
        (-signal.SIGALRM, "timed_out", "too long"),
        (3, "worker_crashed", "exit code 3"),
    ],
)
def test_the_end_of_a_worker_is_told_by_its_cause(exit_code: int, code: str, words: str) -> None:
    outcome = cause_of_death(exit_code)

    assert outcome.code == code
    assert words in outcome.message


def test_a_limit_of_nothing_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="seconds is 0"):
        Limits(seconds=0)
