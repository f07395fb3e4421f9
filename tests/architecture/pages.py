"""Reference pages made from the code, and the golden description of the API.

``scripts/docs`` writes them all.
"""

import inspect
from typing import Any, get_type_hints

from events.codec import NAMES
from events.document.facts import Fact
from events.document.personal import PERSONAL
from service.commands.page import commands_page
from service.settings import settings_page
from tests.architecture.http_page import http_page
from tests.architecture.tree import ROOT
from tests.golden.openapi import GOLDEN, golden_description

REFERENCE = ROOT / "docs" / "reference"

EVENTS_HEAD = """# Events

<!-- Made by scripts/docs from events/document/facts.py; edit that. -->

Every event of a document's life, as it is stored and as `GET /v1/documents/{document_id}/events`
shows it. Names and fields are a promise: a field may be added, none is renamed or given another
meaning. Times are microseconds since the epoch (UTC). Every event also has a `document_id`.

What is marked as sealed may name or describe a person: the log stores it encrypted, and it reads
`erased` once the document was [erased](../how-to/erasure.md). Of `blob_ref` that holds only for a
document that was registered by reference.

"""


def events_page() -> str:
    """Every event type with its meaning and its fields."""
    return EVENTS_HEAD + "\n".join(_event(kind, *name) for kind, name in NAMES.items())


def _event(kind: type[Fact], name: str, version: int) -> str:
    hints = get_type_hints(kind)
    fields = [field for field in kind.__struct_fields__ if field != "document_id"]
    sealed = PERSONAL.get(kind, ())
    rows = [
        f"| `{field}` | `{_type_name(hints[field])}`{', sealed' if field in sealed else ''} |"
        for field in fields
    ]
    table = "\n".join(["| field | type |", "|---|---|", *rows]) if rows else "No further fields."
    return f"## `{name}`\n\nVersion {version}. {inspect.getdoc(kind)}\n\n{table}\n"


def _type_name(hint: Any) -> str:
    if getattr(hint, "__name__", None) and not getattr(hint, "__args__", None):
        return "null" if hint is type(None) else str(hint.__name__)
    values = [repr(one) if isinstance(one, str) else _type_name(one) for one in hint.__args__]
    return " or ".join(value.replace("'", '"') for value in values)


PAGES = {
    "commands.md": commands_page,
    "events.md": events_page,
    "http.md": http_page,
    "settings.md": settings_page,
}


def main() -> None:
    """Write every page, and the description."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())
    GOLDEN.write_text(golden_description())


if __name__ == "__main__":
    main()
