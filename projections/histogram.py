"""Durations counted in buckets that grow by an eighth of an octave: quantiles within 10 %."""

from collections.abc import Iterable, Mapping

EIGHTHS = 8


def bucket(milliseconds: int) -> str:
    """The bucket of a duration; text, because JSON keys are."""
    value = max(milliseconds, 0)
    octave = value.bit_length()
    if octave <= 3:
        return str(value)
    eighth = (value >> (octave - 4)) & (EIGHTHS - 1)
    return str(octave * EIGHTHS + eighth)


def bounds(name: str) -> tuple[int, int]:
    """The smallest and the largest duration in the bucket, in milliseconds."""
    number = int(name)
    if number < EIGHTHS:
        return number, number
    octave, eighth = divmod(number, EIGHTHS)
    first = EIGHTHS + eighth
    return first << (octave - 4), ((first + 1) << (octave - 4)) - 1


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
    ordered = sorted(buckets, key=bounds)
    for name in ordered:
        seen += buckets[name]
        if seen >= share * total:
            return _middle(name)
    return _middle(ordered[-1])


def _middle(name: str) -> int:
    # Either end of a bucket would be up to an eighth off; its middle is half of that.
    smallest, largest = bounds(name)
    return (smallest + largest) // 2
