"""The settings for a command: all problems on standard error and exit code 2, or settings."""

import os
from collections.abc import Mapping

import typer

from service.commands.endings import ExitCode, complain
from service.settings import Settings, SettingsError, load_settings

OF_CLIENTS = ("WAYBILL_URL",)
"""Tells clients where the server is; the server itself has no such setting."""


def settings_in_force(flags: Mapping[str, object]) -> Settings:
    """Flags over the environment over the file over the defaults."""
    try:
        return load_settings(environment=environment(), flags=flags)
    except SettingsError as error:
        refuse(error)
        raise typer.Exit(int(ExitCode.USAGE)) from None


def environment() -> Mapping[str, str]:
    """What the shell has for the server."""
    everything = os.environ  # noqa: TID251 -- handed on to service.settings, read nowhere else
    return {name: value for name, value in everything.items() if name not in OF_CLIENTS}


def refuse(error: SettingsError) -> None:
    """Tells every problem, so that nobody repairs them one start at a time."""
    for problem in error.problems:
        complain(problem)
