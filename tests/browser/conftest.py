"""A real Chromium on the started product; a page that complains in its console fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.journey.product import Waybill, running

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 15_000

Upload = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("WAYBILL_TEST_BROWSER") or shutil.which("chromium")
    if not chromium:
        pytest.skip("no browser: install chromium, or name one in WAYBILL_TEST_BROWSER")
    # Expectations have a patience of their own: five seconds, when the page just looks again.
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    """A server that the tests of a module share; each finds its own documents by name."""
    with running(tmp_path_factory.mktemp("served"), {}) as waybill:
        yield waybill


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Waybill]:
    """A server of the test's own, with nothing in it yet."""
    with running(tmp_path / "served", {}) as waybill:
        yield waybill


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said that a test has to account for."""
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str], waybill: Waybill) -> Iterator[Page]:
    """A page in a profile of its own; it is gone before the server is."""
    with opened(browser, complaints) as page:
        yield page


@contextmanager
def opened(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page in a profile of its own, which has to be content in the end."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()

    def heard(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def upload(waybill: Waybill) -> Upload:
    """Upload from elsewhere; gives the id."""

    def send(
        content: bytes,
        *,
        name: str = "letter.pdf",
        processor: str = "pdf-text",
        at: Waybill = waybill,
    ) -> str:
        answer = httpx.post(
            f"{at.url}/v1/documents",
            params={"name": name, "processor": processor},
            content=content,
            headers={"Content-Type": "application/pdf"},
        )
        document_id: str = answer.raise_for_status().json()["document"]["id"]
        return document_id

    return send
