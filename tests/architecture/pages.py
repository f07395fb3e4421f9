"""Reference pages made from the code: ``python -m tests.architecture.pages`` writes them."""

import inspect
from typing import Any, get_type_hints

from events.codec import NAMES
from events.document.facts import Fact
from service.commands.page import commands_page
from service.settings import settings_page
from service.web import create_web
from tests.architecture.tree import ROOT

REFERENCE = ROOT / "docs" / "reference"

COLLABORATORS = (
    "attempts",
    "clock",
    "deliveries",
    "documents",
    "doorkeeper",
    "hub",
    "lookups",
    "metrics",
    "settings",
    "storage",
    "store",
    "uploads",
    "vitals",
)

EVENTS_HEAD = """# Events

<!-- Made by scripts/docs from events/document/facts.py; edit that. -->

Every event of a document's life, as it is stored and as `GET /v1/documents/{document_id}/events`
shows it. Names and fields are a promise: a field may be added, none is renamed or given another
meaning. Times are microseconds since the epoch (UTC). Every event also has a `document_id`.

"""

HTTP_HEAD = """# HTTP

<!-- Made by scripts/docs from the service's OpenAPI description; edit the routes. -->

The same as OpenAPI 3.1: `GET /schema/openapi.json`. Errors are RFC 9457 problem details
(`application/problem+json`) that say what, which, and what to do. With `WAYBILL_API_TOKEN` set,
every route but `/health` and the page wants `Authorization: Bearer TOKEN`.

The live feed is a page of its own: [feed.md](feed.md). QStash calls `/v1/qstash/process`,
`/v1/qstash/failed` and `/v1/qstash/callback`; they answer 401 to anything that it did not sign.

"""


def events_page() -> str:
    """Every event type with its meaning and its fields."""
    return EVENTS_HEAD + "\n".join(_event(kind, *name) for kind, name in NAMES.items())


def _event(kind: type[Fact], name: str, version: int) -> str:
    hints = get_type_hints(kind)
    fields = [field for field in kind.__struct_fields__ if field != "document_id"]
    rows = [f"| `{field}` | `{_type_name(hints[field])}` |" for field in fields]
    table = "\n".join(["| field | type |", "|---|---|", *rows]) if rows else "No further fields."
    return f"## `{name}`\n\nVersion {version}. {inspect.getdoc(kind)}\n\n{table}\n"


def _type_name(hint: Any) -> str:
    if getattr(hint, "__name__", None) and not getattr(hint, "__args__", None):
        return "null" if hint is type(None) else str(hint.__name__)
    values = [repr(one) if isinstance(one, str) else _type_name(one) for one in hint.__args__]
    return " or ".join(value.replace("'", '"') for value in values)


def http_page() -> str:
    """Every route with its parameters and answers."""
    web = create_web(
        collaborators=dict.fromkeys(COLLABORATORS), api_token=None, version="reference"
    )
    paths = web.openapi_schema.to_schema()["paths"]
    parts = [
        _route(path, method, operation)
        for path, operations in sorted(paths.items())
        for method, operation in operations.items()
        if isinstance(operation, dict)
    ]
    return HTTP_HEAD + "\n".join(parts)


def _route(path: str, method: str, operation: dict[str, Any]) -> str:
    described = operation.get("description") or operation["summary"]
    answers = ", ".join(sorted(operation["responses"]))
    lines = [f"## {method.upper()} `{path}`", "", described, ""]
    parameters = operation.get("parameters", [])
    if parameters:
        lines += ["| parameter | in | meaning |", "|---|---|---|"]
        lines += [_parameter(parameter) for parameter in parameters]
        lines.append("")
    return "\n".join([*lines, f"Answers: {answers}.", ""])


def _parameter(parameter: dict[str, Any]) -> str:
    meaning = parameter.get("description", "").replace("\n", " ")
    return f"| `{parameter['name']}` | {parameter['in']} | {meaning} |"


PAGES = {
    "commands.md": commands_page,
    "events.md": events_page,
    "http.md": http_page,
    "settings.md": settings_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())


if __name__ == "__main__":
    main()
