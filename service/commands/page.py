"""The reference page of the commands, made from the parser so that it cannot be wrong."""

from collections.abc import Iterator
from typing import Any

import typer

from service.commands.endings import MEANINGS
from service.commands.parser import app

_HEAD = """\
# Commands

<!-- made by scripts/docs from service/commands/; edit those files, not this one -->

`waybill` is one program with a verb for each task; `python -m service` is the same. Verbs that talk
to a server find it with `--url` or `WAYBILL_URL`. With `--json` standard output holds one JSON
object per line and nothing else; troubles go to standard error. On a terminal documents move in a
table, elsewhere each change is a line; `NO_COLOR` is respected. A default "as set" is the setting
of that name (see [Settings](settings.md)).
"""


def commands_page() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("waybill", [], resilient_parsing=True)
    parts = [_HEAD, *_exit_codes()]
    for name in group.list_commands(context):
        parts.extend(_verb(name, group.get_command(context, name), context))
    return "\n".join(parts)


def _exit_codes() -> Iterator[str]:
    yield "| exit code | meaning |\n|---|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {int(code)} | {meaning} |"
    yield ""


def _verb(name: str, command: Any, parent: Any) -> Iterator[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context)).replace("{", "").replace("}", "")
    yield f"## `waybill {name}`\n\n    waybill {name} {usage}\n"
    yield "\n".join(line.strip() for line in (command.help or "").splitlines()) + "\n"
    rows = [param for param in command.params if param.name != "help" and param.help]
    if rows:
        yield "| option | meaning | default |\n|---|---|---|"
        yield from (_row(param, context) for param in rows)
        yield ""


def _row(param: Any, context: Any) -> str:
    names = [each for each in param.opts if each.startswith("-")]
    shown = " ".join(filter(None, [*names, param.metavar]))
    variable = f" Also `{param.envvar}`." if param.envvar else ""
    return f"| `{shown}` | {param.help}{variable} | {_default(param)} |"


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    if not param.show_default or param.default in (None, "", False):
        return ""
    return f"`{param.default}`"
