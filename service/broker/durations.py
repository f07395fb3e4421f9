"""Durations as QStash writes them (`1d10h30m`) and as Go servers answer them (`6m5s`)."""

import re

from service.broker.errors import Malformed

__all__ = ["GO_DURATION", "go_seconds", "seconds_of"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:[0-9]{1,12}[smhd])+")
_PART = re.compile(r"([0-9]+)([smhd])")

_GO_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_GO_PART = r"([0-9]{1,15}(?:\.[0-9]{0,9})?)(ns|us|µs|μs|ms|s|m|h)"
GO_DURATION = re.compile(f"(?:{_GO_PART})+")


def seconds_of(text: str, *, name: str) -> int:
    """The seconds of a duration such as `50s` or `1d10h30m`; `name` is told when it is none."""
    written = text.strip()
    if not _DURATION.fullmatch(written):
        raise Malformed(
            f"{name}: {text!r} is not a duration; "
            "write whole numbers with s, m, h or d, as in 1h30m"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(written))


def go_seconds(text: str) -> float | None:
    """The seconds of a Go duration such as `6m5s` or `1.5s`; None when it is none."""
    if not GO_DURATION.fullmatch(text):
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in re.findall(_GO_PART, text))
