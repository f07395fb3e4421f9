"""The broker's page, as somebody with a browser and a token meets it."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import opened
from tests.browser.destinations import Destination, listening
from tests.journey.processes import Broker
from tests.journey.product import broker_of_its_own

REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture(scope="module")
def there() -> Iterator[Destination]:
    with listening() as destination:
        yield destination


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that the tests of this module share; each finds its own messages."""
    with broker_of_its_own(tmp_path_factory.mktemp("broker") / "data") as broker:
        yield broker


@pytest.fixture
def visitor(browser: Browser, complaints: list[str], broker: Broker) -> Iterator[Page]:
    """A page that has not been led anywhere."""
    with opened(browser, complaints) as page:
        yield page


@pytest.fixture
def page(visitor: Page, broker: Broker) -> Page:
    """The page, signed in by the link that the broker printed."""
    visitor.goto(broker.page)
    expect(visitor.locator("#link")).to_have_text("Live")
    return visitor


@pytest.fixture
def http(broker: Broker) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {broker.token}"}
    with httpx.Client(base_url=broker.url, headers=headers) as client:
        yield client


def publish(http: httpx.Client, destination: str, **headers: str) -> str:
    """Publishes a message from elsewhere; gives its id."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = http.post(f"/v2/publish/{destination}", content=b'{"n": 1}', headers=named)
    message_id: str = answer.raise_for_status().json()["messageId"]
    return message_id


def row(page: Page, message_id: str) -> Locator:
    return page.locator(f'.list li[data-id="{message_id}"]')


def line(page: Page, text: str) -> Locator:
    return page.locator(".table tbody tr", has_text=text)


def badge(within: Locator) -> Locator:
    return within.locator(".badge").first


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


def test_a_queue_can_be_paused_and_resumed(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    http.post("/v2/queues", json={"queueName": "held", "parallelism": 2})
    page.click("#views >> text=Queues")
    queue = line(page, "held")
    expect(badge(queue)).to_have_text("Running")

    queue.get_by_role("button", name="Pause").click()
    expect(badge(queue)).to_have_text("Paused")
    answer = http.post(f"/v2/enqueue/held/{there.url}/held", content=b"x")
    expect(queue.locator("[data-label='In it']")).to_have_text("1")
    queue.get_by_role("link", name="Its messages").click()
    message = row(page, answer.json()["messageId"])
    expect(message).to_contain_text("for its turn in the queue")
    page.click("#views >> text=Queues")
    queue.get_by_role("button", name="Resume").click()

    expect(badge(queue)).to_have_text("Running")
    expect(queue.locator("[data-label='In it']")).to_have_text("0")


def test_schedules_and_flow_keys_are_shown_and_switched(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    http.post(f"/v2/schedules/{there.url}/tick", headers={"Upstash-Cron": "0 4 1 1 *"})
    limits = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "rate=5,period=1h"}
    http.post(f"/v2/publish/{there.url}/limited", headers=limits)

    page.keyboard.press("3")
    schedule = line(page, "/tick")
    expect(schedule).to_contain_text("0 4 1 1 *")
    schedule.get_by_role("button", name="Pause").click()
    expect(badge(schedule)).to_have_text("Paused")
    schedule.get_by_role("button", name="Delete").click()
    schedule.get_by_role("button", name="Really delete?").click()
    expect(page.locator(".empty:visible")).to_contain_text("No schedules")
    page.keyboard.press("5")
    key = line(page, "k")
    expect(key.locator("[data-label=Rate]")).to_have_text("1 of 5 in 60 min")
    key.get_by_role("button", name="Reset rate").click()
    expect(key.locator("[data-label=Rate]")).to_have_text("0 of 5 in 60 min")
    key.get_by_role("button", name="Pause").click()

    expect(badge(key)).to_have_text("Paused")


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


def test_the_token_that_may_only_read_sees_all_and_changes_nothing(
    visitor: Page, broker: Broker, http: httpx.Client, there: Destination
) -> None:
    there.answers["/kept"] = 489
    publish(http, f"{there.url}/kept")
    waiting = publish(http, f"{there.url}/waits", Upstash_Delay="1h")
    http.post("/v2/queues", json={"queueName": "only-seen"})
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
    visitor.keyboard.press("2")

    expect(line(visitor, "only-seen").get_by_role("button")).to_be_disabled()


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
    "view", ["messages", "queues", "schedules", "dead-letters", "flow-control"]
)
def test_it_fits_a_phone_in_every_view(page: Page, broker: Broker, view: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{broker.url}/#/{view}")
    expect(page.locator("#link")).to_have_text("Live")

    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_every_control_has_a_name(page: Page, broker: Broker, http: httpx.Client) -> None:
    http.post("/v2/queues", json={"queueName": "named"})
    for view in ("messages", "queues", "dead-letters"):
        page.goto(f"{broker.url}/#/{view}")
        expect(page.locator("#link")).to_have_text("Live")
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, a, input, select, textarea")].filter((one) =>
                 !(one.hidden || one.ariaLabel || one.textContent.trim() || one.labels?.length))
                 .map((one) => one.outerHTML)"""
        )

        assert nameless == []
