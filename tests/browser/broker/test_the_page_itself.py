"""How the broker's page behaves: when its broker is gone, by keyboard, on a phone, read aloud."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import publish, row
from tests.browser.destinations import Destination
from tests.journey.processes import Broker
from tests.journey.product import broker_of_its_own


def test_a_broker_that_is_gone_and_back_is_followed(
    visitor: Page, broker: Broker, complaints: list[str]
) -> None:
    visitor.goto(broker.page)
    expect(visitor.locator("#link")).to_have_text("Live")

    broker.kill()
    broker.close()
    expect(visitor.locator("#link")).to_have_text("Offline")
    broker.start()

    expect(visitor.locator("#link")).to_have_text("Live")
    assert all("ERR_CONNECTION" in one or "ERR_EMPTY" in one for one in complaints)
    complaints.clear()


def test_a_broker_that_misbehaves_on_purpose_says_so(visitor: Page, tmp_path: Path) -> None:
    with broker_of_its_own(tmp_path / "data", "--chaos", "duplicate=0.5,seed=7") as misbehaving:
        visitor.goto(misbehaving.page)

        expect(visitor.locator("#misbehaving")).to_contain_text("duplicate=0.5")
        expect(visitor.locator("#misbehaving")).to_contain_text("seed=7")
        visitor.goto("about:blank")


def test_the_keyboard_alone_goes_through_the_page(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    message = publish(http, f"{there.url}/by-hand")
    expect(row(page, message)).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    expect(drawer).to_be_focused()
    page.keyboard.press("Escape")
    expect(row(page, message).locator("a")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("x")
    page.keyboard.press("Tab")
    page.keyboard.press("?")

    expect(page.locator("#help")).to_be_visible()


@pytest.mark.parametrize(
    "view", ["messages", "queues", "schedules", "dead-letters", "flow-control", "url-groups"]
)
def test_it_fits_a_phone_in_every_view(page: Page, broker: Broker, view: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{broker.url}/#/{view}")
    expect(page.locator("#link")).to_have_text("Live")

    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_every_control_has_a_name(page: Page, broker: Broker, http: httpx.Client) -> None:
    http.post("/v2/queues", json={"queueName": "named"})
    for view in ("messages", "queues", "dead-letters", "url-groups"):
        page.goto(f"{broker.url}/#/{view}")
        expect(page.locator("#link")).to_have_text("Live")
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, a, input, select, textarea")].filter((one) =>
                 !(one.hidden || one.ariaLabel || one.textContent.trim() || one.labels?.length))
                 .map((one) => one.outerHTML)"""
        )

        assert nameless == []
