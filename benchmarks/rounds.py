"""Figures out of repeated measurements (pure)."""

from collections.abc import Sequence
from statistics import median


def middle(values: Sequence[float]) -> float:
    """The median."""
    return float(median(values))


def spread(values: Sequence[float]) -> str:
    """How far the rounds lie apart: largest minus smallest, in percent of the median."""
    center = middle(values)
    return f"{(max(values) - min(values)) / center:.0%}" if center else "0%"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
