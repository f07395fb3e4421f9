"""The example site shows live badges, and keeps Waybill's token to itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.samples import one_page
from tests.browser.conftest import Upload
from tests.journey.product import Waybill

SITE = Path(__file__).parents[2] / "examples" / "watch_in_browser" / "site.py"


@pytest.fixture
def site(waybill: Waybill) -> Iterator[str]:
    """The address of the example's page."""
    command = [sys.executable, str(SITE), waybill.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
        process.kill()


def test_the_example_follows_the_documents_in_its_address(
    page: Page, site: str, upload: Upload
) -> None:
    documents = [upload(one_page()), upload(one_page())]

    page.goto(site.replace("doc=ID", "&".join(f"doc={each}" for each in documents)))

    expect(page.locator("processing-badge[data-state=succeeded]")).to_have_count(2)
    page.goto("about:blank")
