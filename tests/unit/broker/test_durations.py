"""Durations in QStash's writing and in Go's."""

import pytest

from service.broker.durations import go_seconds, seconds_of
from service.broker.errors import Malformed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50s", 50), ("1d10h30m", 124_200), ("0s", 0), ("2m", 120), (" 1h ", 3600)],
)
def test_a_duration_is_a_sum_of_its_parts(text: str, seconds: int) -> None:
    assert seconds_of(text, name="Upstash-Delay") == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "1.5s", "-1s", "1s!", "1w", "١s", "9" * 30 + "s"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(Malformed, match="Upstash-Delay"):
        seconds_of(text, name="Upstash-Delay")


@pytest.mark.parametrize(
    ("text", "seconds"), [("6m5s", 365.0), ("1.5s", 1.5), ("250ms", 0.25), ("1h0m1us", 3600.000001)]
)
def test_go_durations_are_read(text: str, seconds: float) -> None:
    assert go_seconds(text) == pytest.approx(seconds)


def test_what_is_no_go_duration_is_none() -> None:
    assert go_seconds("soon") is None
