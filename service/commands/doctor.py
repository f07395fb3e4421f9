"""`waybill doctor`: looks at everything that may be wrong, and says how to repair it."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from service.commands.endings import ExitCode, run
from service.commands.finding import (
    Finding,
    Level,
    ok,
    problem,
    shown_as_json,
    shown_as_lines,
    warning,
)
from service.commands.options import USUAL_URL, AsJson, Data, Token, Url

if TYPE_CHECKING:
    from service.settings import Settings


def doctor(
    data: Data = None, url: Url = USUAL_URL, token: Token = None, as_json: AsJson = False
) -> None:
    """Check settings, data, queue, server and clock.

    Each line says how to repair what it found; the exit code is 1 if anything must be.
    """
    run(_doctor(data, url, token, as_json=as_json))


async def _doctor(data: Path | None, url: str, token: str | None, *, as_json: bool) -> ExitCode:
    findings = await _examine(data, url, token)
    for finding in findings:
        print(shown_as_json(finding) if as_json else shown_as_lines(finding))
    found_problem = any(finding.level is Level.PROBLEM for finding in findings)
    return ExitCode.REFUSED if found_problem else ExitCode.DONE


async def _examine(data: Path | None, url: str, token: str | None) -> list[Finding]:
    from service.clock import system_clock
    from service.commands import database_checks, machine_checks, network_checks

    in_force, found = _settings(data)
    found += machine_checks.versions(machine_checks.this_python(), sqlite3.sqlite_version_info)
    if in_force is not None:
        found.append(machine_checks.data_folder(in_force.data))
        if in_force.database_url:
            found += await database_checks.postgresql(in_force.database_url)
        else:
            found.append(machine_checks.log_database(in_force.data / "log.db"))
            found.append(machine_checks.read_database(in_force.data / "read.db"))
        found.append(await network_checks.queue(in_force))
        token = token or in_force.api_token
    found += await network_checks.server(url, token, now=system_clock())
    return found


def _settings(data: Path | None) -> tuple["Settings | None", list[Finding]]:
    """The settings if they can be used, and what is to be said about them."""
    from service.commands.loading import environment
    from service.settings import SettingsError, load_settings, refuse_open_door, warnings_of

    try:
        in_force = load_settings(environment=environment(), flags={"data": data})
        refuse_open_door(in_force)
    except SettingsError as error:
        wrong = [
            problem("settings", each, repair="`waybill settings` tells what each of them means")
            for each in error.problems
        ]
        return None, wrong
    known = [
        warning("settings", each, repair="change it, or know why not")
        for each in warnings_of(in_force)
    ]
    return in_force, known or [ok("settings", "all of them can be used")]
