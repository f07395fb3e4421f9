"""What the product offers, read from the code: settings, commands, events, routes."""

import typer

from events.codec import NAMES
from service.commands import parser
from service.settings import describe_settings
from service.web.openapi import describe
from tests.golden.openapi import web_with_nothing_behind_it


def setting_names() -> list[str]:
    return [declaration.variable for declaration in describe_settings()]


def event_types() -> list[str]:
    return [name for name, _ in NAMES.values()]


def command_names() -> list[str]:
    """Every verb of `waybill`, asked of the parser itself."""
    [app] = [value for value in vars(parser).values() if isinstance(value, typer.Typer)]
    command = typer.main.get_command(app)
    verbs: dict[str, object] = getattr(command, "commands", {})
    return sorted(verbs)


def route_paths() -> list[str]:
    """Every path of the OpenAPI document, from the application itself, with nothing behind it."""
    return sorted(describe(web_with_nothing_behind_it())["paths"])
