"""How somebody gets into the broker's page, and what a token that only reads may do there."""

import httpx
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import line, publish, row
from tests.browser.destinations import Destination
from tests.journey.processes import Broker

REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


def test_the_printed_link_signs_in_and_leaves_no_token_in_the_address(
    visitor: Page, broker: Broker
) -> None:
    addresses: list[str] = []
    visitor.on("request", lambda request: addresses.append(request.url))

    visitor.goto(broker.page)

    expect(visitor.locator("#link")).to_have_text("Live")
    assert visitor.url == f"{broker.url}/#/messages"
    assert [one for one in addresses if broker.token in one.partition("#")[0]] == []
    assert visitor.evaluate("Object.values(localStorage)") == []
    assert visitor.evaluate("document.cookie") == ""
    assert broker.token not in visitor.content()


def test_without_a_token_it_asks_and_a_wrong_one_is_not_believed(
    visitor: Page, broker: Broker, complaints: list[str]
) -> None:
    visitor.goto(broker.url)
    expect(visitor.locator("#sign-in")).to_be_visible()
    expect(visitor.locator("#sign-in-trouble")).to_be_hidden()

    visitor.fill("#token", "not the token")
    visitor.keyboard.press("Enter")
    expect(visitor.locator("#sign-in-trouble")).to_contain_text("does not know that token")
    expect(visitor.locator("#link")).to_have_text("Connecting")
    visitor.fill("#token", broker.token)
    visitor.keyboard.press("Enter")

    expect(visitor.locator("#sign-in")).to_be_hidden()
    expect(visitor.locator("#link")).to_have_text("Live")
    assert complaints == [REFUSED]
    complaints.clear()


def test_signing_out_forgets_the_token(page: Page) -> None:
    page.click("#show-help")
    page.click("#sign-out")

    expect(page.locator("#sign-in")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_the_token_that_may_only_read_sees_all_and_changes_nothing(
    visitor: Page, broker: Broker, http: httpx.Client, there: Destination
) -> None:
    there.answers["/kept"] = 489
    publish(http, f"{there.url}/kept")
    waiting = publish(http, f"{there.url}/waits", Upstash_Delay="1h")
    http.post("/v2/queues", json={"queueName": "only-seen"})
    http.post("/v2/topics/seen/endpoints", json={"endpoints": [{"url": there.url}]})
    visitor.goto(f"{broker.url}/#token={broker.read_only_token}")

    expect(visitor.locator("#reading")).to_have_text("Read only")
    expect(visitor.locator("#publish-open")).to_be_hidden()
    visitor.keyboard.press("p")
    expect(visitor.locator("#toast")).to_contain_text("may only read")
    row(visitor, waiting).click()
    for act in ("cancel", "retry", "again"):
        expect(visitor.locator(f"#drawer [data-act={act}]")).to_be_disabled()
    visitor.keyboard.press("Escape")
    visitor.keyboard.press("4")
    expect(line(visitor, "/kept").get_by_role("button")).to_have_count(2)
    for button in visitor.locator(".table button, .tools button:visible").all():
        expect(button).to_be_disabled()
    visitor.keyboard.press("6")
    expect(line(visitor, "seen").get_by_role("button")).to_have_count(3)
    for button in visitor.locator(".table button, .tools button:visible").all():
        expect(button).to_be_disabled()
    visitor.keyboard.press("2")

    expect(line(visitor, "only-seen").get_by_role("button")).to_be_disabled()
