"""When the next attempt is due."""

import pytest

from service.broker.retry import LONGEST, SECOND, default_backoff, delay_before_next
from tests.fakes import START


def delay(
    *, retried: int = 0, written: str | None = None, hints: tuple[tuple[str, str], ...] = ()
) -> float:
    return delay_before_next(retried=retried, written=written, hints=hints, at=START) / SECOND


def test_the_default_backoff_is_the_documented_one() -> None:
    seconds = [default_backoff(retried) / SECOND for retried in range(7)]

    assert seconds == [12, 148, 1808, 22026, 86400, 86400, 86400]


def test_an_expression_replaces_the_default() -> None:
    assert delay(retried=2, written="1000 * (1 + retried)") == 3


@pytest.mark.parametrize(("written", "seconds"), [("-5000", 0), ("pow(10, 99)", 86400)])
def test_an_expression_stays_between_now_and_a_day(written: str, seconds: float) -> None:
    assert delay(written=written) == seconds


def test_an_expression_without_a_value_falls_back_to_the_default() -> None:
    assert delay(written="1 / retried") == 12


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("6m5s", 365),
        ("Wed, 01 Jan 2025 00:02:00 GMT", 120),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
    ],
)
def test_the_destination_says_when(value: str, seconds: float) -> None:
    assert delay(written="99000", hints=(("Retry-After", value),)) == seconds


@pytest.mark.parametrize("value", ["86401", "tomorrow", "", "-5", "Wed, 99 Foo 2025", "9" * 40])
def test_a_wish_that_is_too_long_or_unclear_is_ignored(value: str) -> None:
    assert delay(hints=(("retry-after", value),)) == 12


def test_wishes_are_heard_in_their_order() -> None:
    hints = (("X-RateLimit-Reset-Tokens", "3"), ("x-ratelimit-reset", "2"))

    assert delay(hints=hints) == 2
    assert delay(hints=(*hints, ("Retry-After", "1"))) == 1
    assert delay(hints=(*hints, ("Retry-After", "90000"))) == 2


def test_exactly_a_day_is_still_heard() -> None:
    assert delay(hints=(("Retry-After", "86400"),)) == LONGEST / SECOND
