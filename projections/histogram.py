"""Durations counted in buckets that grow by a quarter of an octave: quantiles within 10 %."""

from collections.abc import Iterable, Mapping

QUARTERS = 4


def bucket(milliseconds: int) -> str:
    """The bucket of a duration; text, because JSON keys are."""
    value = max(milliseconds, 0)
    octave = value.bit_length()
    if octave <= 2:
        return str(value)
    quarter = (value >> (octave - 3)) & (QUARTERS - 1)
    return str(octave * QUARTERS + quarter)


def upper_bound(name: str) -> int:
    """The largest duration in the bucket, in milliseconds."""
    number = int(name)
    if number <= 3:
        return number
    octave, quarter = divmod(number, QUARTERS)
    return ((QUARTERS + quarter + 1) << (octave - 3)) - 1


def added(buckets: Mapping[str, int], milliseconds: int) -> dict[str, int]:
    """The histogram with one more duration."""
    name = bucket(milliseconds)
    return {**buckets, name: buckets.get(name, 0) + 1}


def merged(histograms: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """All histograms as one."""
    total: dict[str, int] = {}
    for histogram in histograms:
        for name, count in histogram.items():
            total[name] = total.get(name, 0) + count
    return total


def quantile(buckets: Mapping[str, int], share: float) -> int | None:
    """The duration (ms) that ``share`` of all stay within; ``None`` when there is none."""
    total = sum(buckets.values())
    if total == 0:
        return None
    seen = 0
    ordered = sorted(buckets, key=upper_bound)
    for name in ordered:
        seen += buckets[name]
        if seen >= share * total:
            return upper_bound(name)
    return upper_bound(ordered[-1])
