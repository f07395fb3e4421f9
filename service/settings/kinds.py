"""What a value may look like: one `Kind` per way of writing a setting."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

Number = TypeVar("Number", int, float)

_SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 1_000,
    "mb": 1_000_000,
    "gb": 1_000_000_000,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_DURATION_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER_AND_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`allowed` finishes "it must be ..."; `parse` raises ValueError for anything else."""

    name: str
    allowed: str
    parse: Callable[[str], object]
    show: Callable[[object], str] = str

    @property
    def is_secret(self) -> bool:
        return self.name.endswith("secret")


def text(allowed: str = "text without control characters") -> Kind:
    def parse(written: str) -> str:
        if not written.isprintable():
            raise ValueError(written)
        return written

    return Kind(name="text", allowed=allowed, parse=parse)


def secret() -> Kind:
    """A secret travels in a header, so it is one word of ASCII."""

    def parse(written: str) -> str:
        if not re.fullmatch(r"[!-~]+", written):
            raise ValueError("a secret with spaces or other characters")
        return written

    return Kind(name="secret", allowed="one word of visible ASCII characters", parse=parse)


def path() -> Kind:
    return Kind(name="path", allowed="a path", parse=lambda written: Path(written).expanduser())


def whole(low: int, high: int) -> Kind:
    def parse(written: str) -> int:
        if not _WHOLE.fullmatch(written):
            raise ValueError(written)
        return _within(int(written), low, high)

    return Kind(name="whole number", allowed=f"a whole number from {low} to {high}", parse=parse)


def size(low: int, high: int) -> Kind:
    allowed = (
        f"a size from {show_size(low)} to {show_size(high)}, in bytes or such as 100MB or 64MiB"
    )
    return Kind(
        name="size",
        allowed=allowed,
        parse=lambda written: round(_within(_measure(written, _SIZE_UNITS), low, high)),
        show=show_size,
    )


def duration(low: float, high: float) -> Kind:
    return Kind(
        name="duration",
        allowed=f"a duration from {show_duration(low)} to {show_duration(high)}, "
        "in seconds or such as 500ms, 90s, 2m or 1h",
        parse=lambda written: _within(_measure(written, _DURATION_UNITS), low, high),
        show=show_duration,
    )


def whole_seconds(low: int, high: int) -> Kind:
    """A duration that is handed to QStash, which counts in whole seconds."""
    return Kind(
        name="duration",
        allowed=f"a duration of whole seconds from {show_duration(low)} to {show_duration(high)}, "
        "such as 90, 90s, 2m or 1h",
        parse=lambda written: _whole_seconds(written, low, high),
        show=show_duration,
    )


def delays(low: int, high: int, *, longest: int) -> Kind:
    """A list of whole seconds, one per retry; the last one repeats."""

    def parse(written: str) -> tuple[int, ...]:
        parts = [part.strip() for part in written.split(",")]
        if len(parts) > longest:
            raise ValueError(written)
        return tuple(_whole_seconds(part, low, high) for part in parts)

    def show(value: object) -> str:
        assert isinstance(value, tuple)
        return ",".join(str(seconds) for seconds in value)

    return Kind(
        name="durations",
        allowed=f"up to {longest} durations of whole seconds with commas between them, "
        f"each from {show_duration(low)} to {show_duration(high)}",
        parse=parse,
        show=show,
    )


def choice(words: Sequence[str]) -> Kind:
    def parse(written: str) -> str:
        if written.lower() not in words:
            raise ValueError(written)
        return written.lower()

    return Kind(name=" | ".join(words), allowed=f"one of {', '.join(words)}", parse=parse)


def address(schemes: Sequence[str]) -> Kind:
    """A URL without its final slash, so that a path can simply be added."""

    def parse(written: str) -> str:
        parts = urlsplit(written)
        place = parts.path if parts.scheme == "file" else parts.hostname
        if parts.scheme not in schemes or not place or parts.query or parts.fragment:
            raise ValueError(written)
        _ = parts.port  # raises for a port that is no number
        return written if parts.scheme == "file" else written.rstrip("/")

    return Kind(
        name="URL",
        allowed=f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}, "
        "with no query",
        parse=parse,
    )


def database() -> Kind:
    """The URL of a PostgreSQL database; it may hold a password, so it is a secret as a whole."""

    def parse(written: str) -> str:
        parts = urlsplit(written)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        place = parts.hostname or query.get("host")
        if parts.scheme not in ("postgresql", "postgres") or not place or parts.fragment:
            raise ValueError("not the URL of a database")
        if not parts.path.strip("/") or "/" in parts.path[1:] or query.keys() - {"host", "sslmode"}:
            raise ValueError("not the URL of a database")
        _ = parts.port  # raises for a port that is no number
        return written.replace("postgres://", "postgresql://", 1)

    return Kind(
        name="URL, secret",
        allowed="postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with no query but sslmode, or host "
        "for the folder of a socket",
        parse=parse,
    )


def show_size(value: object) -> str:
    assert isinstance(value, int)
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value}"


def show_duration(value: object) -> str:
    assert isinstance(value, int | float)
    for unit, factor in (("h", 3600), ("m", 60)):
        if value and value % factor == 0:
            return f"{value // factor:g}{unit}"
    return f"{value:g}s"


def _measure(written: str, units: dict[str, int] | dict[str, float]) -> float:
    match = _NUMBER_AND_UNIT.fullmatch(written.strip())
    if not match or match[2].lower() not in units:
        raise ValueError(written)
    return float(match[1]) * units[match[2].lower()]


def _whole_seconds(written: str, low: int, high: int) -> int:
    seconds = _measure(written, _DURATION_UNITS)
    if seconds != int(seconds):
        raise ValueError(written)
    return _within(int(seconds), low, high)


def _within(value: Number, low: Number, high: Number) -> Number:
    if not low <= value <= high:
        raise ValueError(value)
    return value
