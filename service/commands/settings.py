"""`waybill settings`: what is in force, and what it means; secrets stay hidden."""

from typing import TYPE_CHECKING

from service.commands.document import json_line
from service.commands.options import AsJson, Data

if TYPE_CHECKING:
    from service.settings.table import Declaration

HIDDEN = "(set, not shown)"


def settings(data: Data = None, as_json: AsJson = False) -> None:
    """Print every setting in force; secrets are not shown."""
    from service.commands.loading import settings_in_force
    from service.settings import describe_settings

    in_force = settings_in_force({"data": data})
    for declaration in describe_settings():
        value = getattr(in_force, declaration.key)
        told = {
            "setting": declaration.key,
            "variable": declaration.variable,
            "value": shown(declaration, value),
            "default": value == declaration.default,
            "meaning": declaration.meaning,
        }
        print(json_line(told) if as_json else _lines(told))


def shown(declaration: "Declaration", value: object) -> str | None:
    """The value as somebody would write it; `None` when it is not set."""
    if value is None:
        return None
    return HIDDEN if declaration.is_secret else declaration.kind.show(value)


def _lines(told: dict[str, object]) -> str:
    value = "not set" if told["value"] is None else told["value"]
    mark = "" if told["default"] else "  (changed)"
    return f"{told['variable']} = {value}{mark}\n    {told['meaning']}"
