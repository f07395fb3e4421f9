"""What a check found: fine, worth knowing, or to be repaired, and then how."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import typer

from service.commands.document import json_line


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


COLOURS: Mapping[Level, str] = {
    Level.OK: typer.colors.GREEN,
    Level.WARNING: typer.colors.YELLOW,
    Level.PROBLEM: typer.colors.RED,
}


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


def shown_as_json(finding: Finding) -> str:
    """One JSON object on one line."""
    return json_line(
        {
            "check": finding.check,
            "level": finding.level.value,
            "text": finding.text,
            "repair": finding.repair or None,
        }
    )


def shown_as_lines(finding: Finding) -> str:
    """For people: a line, and what to do on a second one."""
    level = f"{finding.level.value:<8}"
    coloured = typer.style(level, fg=COLOURS[finding.level]) if _colourful() else level
    repair = f"\n{'':24}-> {finding.repair}" if finding.repair else ""
    return f"{coloured} {finding.check:<14} {finding.text}{repair}"


def _colourful() -> bool:
    """A terminal, and nobody who set NO_COLOR."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and not console.no_color
