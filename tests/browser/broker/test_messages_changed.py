"""What somebody does with messages on the broker's page: publish, cancel, retry, delete."""

import httpx
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import badge, line, publish, row
from tests.browser.destinations import Destination


def test_a_message_can_be_published_from_the_form(page: Page, there: Destination) -> None:
    page.keyboard.press("p")
    form = page.locator("#publish-form")
    form.get_by_label("Destination").fill("nowhere")
    form.get_by_label("Body").fill("from the page")
    form.get_by_role("button", name="Publish").click()
    expect(page.locator("#publish-trouble")).to_contain_text("invalid scheme")

    form.get_by_label("Destination").fill(f"{there.url}/form/../x//y?a=1")
    form.get_by_label("Queue").fill("of-the-form")
    form.get_by_label("Other headers").fill("Upstash-Forward-X-From: the page")
    form.get_by_role("button", name="Publish").click()
    page.locator("#toast").get_by_role("link").click()

    drawer = page.locator("#drawer")
    expect(drawer.locator("h2")).to_have_text(f"POST {there.url}/form/../x//y?a=1")
    expect(badge(drawer)).to_have_text("Delivered")
    expect(drawer.locator(".facts")).to_contain_text("of-the-form")
    drawer.locator("details[data-key=request] summary").click()
    expect(drawer.get_by_label("Request: body")).to_have_text("from the page")
    expect(drawer.get_by_label("Request: headers")).to_contain_text("the page")


def test_a_message_can_be_published_again_from_what_it_was(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    message = publish(http, f"{there.url}/once", Upstash_Forward_X_Colour="green")
    row(page, message).click()
    page.click("#drawer [data-act=again]")
    form = page.locator("#publish-form")
    expect(form.get_by_label("Destination")).to_have_value(f"{there.url}/once")
    expect(form.get_by_label("Other headers")).to_have_value("Upstash-Forward-X-Colour: green")

    form.get_by_label("Body").fill("another body")
    form.get_by_role("button", name="Publish").click()
    page.locator("#toast").get_by_role("link").click()

    drawer = page.locator("#drawer")
    expect(badge(drawer)).to_have_text("Delivered")
    drawer.locator("details[data-key=request] summary").click()
    expect(drawer.get_by_label("Request: body")).to_have_text("another body")
    expect(drawer.get_by_label("Request: headers")).to_contain_text("green")


def test_a_waiting_message_can_be_cancelled_when_asked_twice(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    message = publish(http, f"{there.url}/later", Upstash_Delay="1h")
    page.click("[data-state=waiting]")
    row(page, message).click()
    drawer = page.locator("#drawer")
    expect(drawer.locator("[data-act=retry]")).to_be_disabled()

    page.keyboard.press("c")
    expect(drawer.locator("[data-act=cancel]")).to_have_text("Really cancel?")
    page.keyboard.press("c")

    expect(badge(drawer)).to_have_text("Cancelled")
    expect(drawer.locator("[data-act=cancel]")).to_be_disabled()
    expect(row(page, message)).to_have_count(0)


def test_a_dead_letter_says_why_and_can_be_retried(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    there.answers["/mended"] = 489
    publish(http, f"{there.url}/mended")
    page.click("#views >> text=Dead letters")
    letter = line(page, "/mended")
    expect(letter).to_contain_text("489")
    expect(letter).to_contain_text("this is /mended")

    there.answers["/mended"] = 200
    letter.get_by_role("button", name="Retry").click()

    expect(page.locator("#toast")).to_contain_text("published again")
    expect(letter).to_have_count(0)
    page.click("#views >> text=Messages")
    ended = page.locator(".list li", has_text="/mended").locator(".badge")
    expect(ended).to_have_text(["Delivered", "Failed"])


def test_a_failed_message_is_retried_from_its_own_page_and_another_deleted(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    there.answers |= {"/again": 489, "/away": 489}
    first = publish(http, f"{there.url}/again")
    publish(http, f"{there.url}/away")
    page.click("[data-state=failed]")
    row(page, first).click()
    drawer = page.locator("#drawer")
    expect(drawer.locator(".trouble").first).to_contain_text("lies with the dead letters")

    there.answers["/again"] = 200
    page.keyboard.press("r")
    page.locator("#toast").get_by_role("link").click()
    expect(badge(drawer)).to_have_text("Delivered")
    page.keyboard.press("Escape")
    page.click("#views >> text=Dead letters")
    away = line(page, "/away")
    away.get_by_role("button", name="Delete").click()
    away.get_by_role("button", name="Really delete?").click()

    expect(away).to_have_count(0)


def test_dead_letters_come_in_pages_and_a_page_is_retried_at_once(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    http.delete("/v2/dlq?count=100")
    there.answers["/many"] = 489
    http.post("/v2/batch", json=[{"destination": f"{there.url}/many"} for _ in range(30)])
    page.keyboard.press("4")
    tools = page.locator("#view .tools")
    expect(tools).to_contain_text("1 to 25 of 30")

    page.get_by_role("button", name="Later").click()
    expect(tools).to_contain_text("26 to 30 of 30")
    expect(page.locator(".table tbody tr")).to_have_count(5)
    there.answers["/many"] = 200
    page.get_by_role("button", name="Retry all of these").click()
    page.get_by_role("button", name="Really retry all of these?").click()

    expect(page.locator("#toast")).to_have_text("5 messages were published again.")
    # The page that was looked at is empty now, so the one before it is shown.
    expect(tools).to_contain_text("1 to 25 of 25")
    http.delete("/v2/dlq?count=100")
    expect(page.locator(".empty:visible")).to_contain_text("No dead letters")
