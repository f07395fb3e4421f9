"""Progress is thinned out where it is said."""

import pytest

from service.processing.progress import ProgressThrottle


class Watch:
    """A stopwatch in the test's hand, and everything that was let through."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[tuple[int, int | None]] = []
        self.throttle = ProgressThrottle(
            lambda done, total: self.sent.append((done, total)), lambda: self.now
        )


def test_the_first_word_goes_out_at_once_and_the_next_a_tenth_later() -> None:
    watch = Watch()

    for done in range(1, 31):
        watch.throttle(done, 300)
        watch.now += 0.01

    assert [done for done, _ in watch.sent] == [1, 11, 21]


def test_the_last_word_is_always_said_and_only_once() -> None:
    watch = Watch()

    watch.throttle(1, 2)
    watch.throttle(2, 2)
    watch.throttle.flush()
    watch.throttle.flush()

    assert watch.sent == [(1, 2), (2, 2)]


def test_nothing_is_said_when_there_was_nothing_to_say() -> None:
    watch = Watch()

    watch.throttle.flush()

    assert watch.sent == []


def test_an_unknown_total_is_allowed() -> None:
    watch = Watch()

    watch.throttle(5, None)

    assert watch.sent == [(5, None)]


def test_progress_that_is_no_count_is_refused() -> None:
    watch = Watch()

    with pytest.raises(ValueError, match="whole numbers"):
        watch.throttle(-1, None)
