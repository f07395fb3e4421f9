"""What a check found: fine, worth knowing, or to be repaired, and then how."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`repair` says what to do; it is there unless all is well."""

    check: str
    level: Level
    text: str
    repair: str = ""


def ok(check: str, text: str) -> Finding:
    return Finding(check=check, level=Level.OK, text=text)


def warning(check: str, text: str, *, repair: str) -> Finding:
    return Finding(check=check, level=Level.WARNING, text=text, repair=repair)


def problem(check: str, text: str, *, repair: str) -> Finding:
    return Finding(check=check, level=Level.PROBLEM, text=text, repair=repair)
