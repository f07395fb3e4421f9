"""The reference pages and the code say the same."""

import re
from pathlib import Path

from service.settings import settings_page
from tests.architecture.surface import command_names, event_types, route_paths, setting_names
from tests.architecture.tree import ROOT, every_file, short

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def undocumented(page: str, names: list[str]) -> list[str]:
    assert names, f"nothing was found that {page} should document"
    text = (REFERENCE / page).read_text()
    return [name for name in names if f"`{name}`" not in text]


def test_the_settings_page_is_the_one_made_from_the_code() -> None:
    written = (REFERENCE / "settings.md").read_text()

    assert written == settings_page(), "run scripts/docs"


def test_every_setting_is_documented() -> None:
    assert undocumented("settings.md", setting_names()) == []


def test_every_command_is_documented() -> None:
    assert undocumented("commands.md", [f"waybill {name}" for name in command_names()]) == []


def test_every_event_type_is_documented() -> None:
    assert undocumented("events.md", event_types()) == []


def test_every_route_is_documented() -> None:
    assert undocumented("http.md", route_paths()) == []


def test_every_link_between_pages_leads_somewhere() -> None:
    dead = [
        f"{short(page)} -> {link}"
        for page in every_file()
        if page.suffix == ".md"
        for link in LINK.findall(page.read_text())
        if not _leads_somewhere(page, link)
    ]

    assert dead == []


def _leads_somewhere(page: Path, link: str) -> bool:
    return (ROOT / link[1:] if link.startswith("/") else page.parent / link).exists()
