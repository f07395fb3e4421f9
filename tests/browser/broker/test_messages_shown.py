"""What the broker's page shows of messages: each of them, its attempts, and those one looks for."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import badge, publish, row
from tests.browser.destinations import Destination


def test_a_message_arrives_moves_and_ends_before_your_eyes(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    there.gate.clear()
    message = publish(http, f"{there.url}/gated")
    expect(badge(row(page, message))).to_have_text("Active")
    expect(page.locator("[data-figure=active] b")).to_have_text("1")
    expect(page.locator("#misbehaving")).to_be_hidden()

    there.gate.set()

    expect(badge(row(page, message))).to_have_text("Delivered")
    expect(page.locator("[data-figure=active] b")).to_have_text("0")


def test_opening_it_tells_each_attempt_with_request_and_answer(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    there.answers["/twice"] = 503
    message = publish(
        http,
        f"{there.url}/twice",
        Content_Type="application/json",
        Upstash_Forward_X_Colour="green",
        Upstash_Retry_Delay="2000",
        Upstash_Label="a-label",
    )

    row(page, message).click()
    drawer = page.locator("#drawer")
    expect(badge(drawer)).to_have_text("Retrying")
    there.answers["/twice"] = 200

    expect(badge(drawer)).to_have_text("Delivered")
    newest = drawer.locator("details[data-key=newest]")
    expect(newest.locator("summary")).to_contain_text(re.compile(r"Delivered.*Attempt \d.*200"))
    expect(newest).to_contain_text("this is /twice")
    first = drawer.locator('details[data-key="attempt 1"]')
    first.locator("summary").click()
    expect(first.locator("summary")).to_contain_text("503")
    expect(first).to_contain_text("text/plain")
    request = drawer.locator("details[data-key=request]")
    request.locator("summary").click()
    expect(request.get_by_label("Request: headers")).to_contain_text("X-Colour")
    expect(request.get_by_label("Request: body")).to_have_text('{\n  "n": 1\n}')
    expect(drawer.locator(".facts")).to_contain_text("a-label")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def test_messages_are_found_by_what_they_have(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    sought = publish(http, f"{there.url}/found", Upstash_Label="sought", Upstash_Delay="1h")
    other = publish(http, f"{there.url}/other", Upstash_Delay="1h")
    expect(row(page, other)).to_be_visible()

    page.get_by_label("Find by").select_option("label")
    page.fill("#find", "sought")
    page.keyboard.press("Enter")
    expect(row(page, other)).to_have_count(0)
    expect(row(page, sought)).to_be_visible()
    page.fill("#find", "nobody has this")
    page.keyboard.press("Enter")
    expect(page.locator(".empty:visible")).to_contain_text("No message matches")
    page.get_by_role("button", name="Show all messages").click()
    expect(row(page, other)).to_be_visible()
    page.get_by_label("Find by").select_option("messageId")
    page.fill("#find", sought)
    page.keyboard.press("Enter")

    expect(page.locator("#drawer h2")).to_have_text(f"POST {there.url}/found")


def test_what_was_redacted_is_shown_as_a_hash_and_not_published_again(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    message = publish(http, f"{there.url}/hush", Upstash_Redact_Fields="body", Upstash_Delay="1h")

    row(page, message).click()
    drawer = page.locator("#drawer")
    drawer.locator("details[data-key=request] summary").click()

    expect(drawer.get_by_label("Request: body")).to_contain_text("REDACTED:")
    expect(drawer.locator("[data-act=again]")).to_be_disabled()


def test_more_pages_come_when_asked_for(page: Page, http: httpx.Client, there: Destination) -> None:
    options = {"Upstash-Delay": "2h", "Upstash-Label": "paged"}
    items = [{"destination": f"{there.url}/p/{n}", "headers": options} for n in range(60)]
    http.post("/v2/batch", json=items)
    page.get_by_label("Find by").select_option("label")
    page.fill("#find", "paged")
    page.keyboard.press("Enter")
    expect(page.locator(".list li")).to_have_count(50)

    page.click(".more:visible")

    expect(page.locator(".list li", has_text="/p/0")).to_have_count(1)
    expect(page.locator(".list li", has_text="/p/59")).to_have_count(1)
