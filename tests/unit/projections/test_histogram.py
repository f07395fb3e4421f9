"""Quantiles from buckets: close enough to the truth, whatever the durations."""

from hypothesis import given
from hypothesis import strategies as st

from projections.histogram import added, bounds, bucket, merged, quantile

WITHIN = 0.10
DURATIONS = st.lists(st.integers(0, 10**9), min_size=1, max_size=200)
SHARES = st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0])


def histogram(durations: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for duration in durations:
        found = added(found, duration)
    return found


def exact(durations: list[int], share: float) -> int:
    """The duration that at least ``share`` of all stay within."""
    ordered = sorted(durations)
    return next(d for count, d in enumerate(ordered, start=1) if count >= share * len(ordered))


@given(DURATIONS, SHARES)
def test_a_quantile_is_within_ten_percent(durations: list[int], share: float) -> None:
    found = quantile(histogram(durations), share)

    truth = exact(durations, share)
    assert found is not None
    assert abs(found - truth) <= WITHIN * truth


@given(st.integers(0, 10**9))
def test_a_duration_lies_in_its_bucket_and_the_next_begins_behind_it(duration: int) -> None:
    smallest, largest = bounds(bucket(duration))

    assert smallest <= duration <= largest
    assert bucket(smallest) == bucket(largest) == bucket(duration)
    assert bucket(largest + 1) != bucket(duration)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_buckets_are_in_the_order_of_their_durations(one: int, other: int) -> None:
    if one <= other:
        assert bounds(bucket(one)) <= bounds(bucket(other))


@given(DURATIONS, DURATIONS)
def test_merging_two_is_counting_both(one: list[int], other: list[int]) -> None:
    assert merged([histogram(one), histogram(other)]) == histogram([*one, *other])


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_a_negative_duration_counts_as_none() -> None:
    assert bucket(-5) == bucket(0)


def test_adding_leaves_the_histogram_as_it_was() -> None:
    before = {"1": 2}

    assert added(before, 1) == {"1": 3}
    assert before == {"1": 2}
