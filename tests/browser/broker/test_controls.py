"""Queues, schedules, flow-control keys and URL groups on the broker's page: shown, and changed."""

import re

import httpx
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import badge, line, row
from tests.browser.destinations import Destination

REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
"""What the browser itself says when the broker explains what is wrong with a form."""


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


def test_a_key_whose_name_no_path_could_hold_is_pinned_reset_and_unpinned(
    page: Page, http: httpx.Client, there: Destination, complaints: list[str]
) -> None:
    name = "team/a b%2F?"
    limits = {"Upstash-Flow-Control-Key": name, "Upstash-Flow-Control-Value": "rate=5,period=1h"}
    http.post(f"/v2/publish/{there.url}/limited", headers=limits)
    page.click("#views >> text=Flow control")
    key = line(page, name)
    expect(key.locator("[data-label=Rate]")).to_have_text("1 of 5 in 60 min")

    key.get_by_role("button", name="Reset rate").click()
    expect(key.locator("[data-label=Rate]")).to_have_text("0 of 5 in 60 min")
    key.get_by_role("button", name="Pin", exact=True).click()
    form = page.locator("#pin form")
    expect(form.get_by_role("heading")).to_have_text(f"Pin limits of {name}")
    expect(form.get_by_label("In a period of")).to_have_value("3600s")
    form.get_by_label("At once").fill("none")
    form.get_by_role("button", name="Pin").click()
    expect(form.get_by_role("alert")).to_contain_text("'none' is no whole number")
    form.get_by_label("At once").fill("2")
    form.get_by_label("Rate").fill("9")
    form.get_by_role("button", name="Pin").click()
    expect(key.locator("[data-label='At once']")).to_have_text("0 of 2, pinned")
    expect(key.locator("[data-label=Rate]")).to_have_text("0 of 9 in 60 min, pinned")
    key.get_by_role("button", name="Unpin").click()
    expect(key.locator("[data-label=Rate]")).to_have_text("0 of 9 in 60 min")
    key.get_by_role("button", name="Pause").click()

    expect(badge(key)).to_have_text("Paused")
    expect(key.get_by_role("button", name="Unpin")).to_have_count(0)
    assert complaints == [REFUSED]
    complaints.clear()


def test_a_group_is_made_by_its_first_endpoint_and_goes_with_its_last(
    page: Page, http: httpx.Client, there: Destination, complaints: list[str]
) -> None:
    page.keyboard.press("6")
    expect(page.locator(".empty:visible")).to_contain_text("No URL groups")
    page.get_by_role("button", name="Add an endpoint").click()
    form = page.locator("#endpoint form")
    form.get_by_label("URL group").fill("orders")
    form.get_by_label("URL", exact=True).fill("nowhere")
    form.get_by_role("button", name="Add").click()
    expect(form.get_by_role("alert")).to_contain_text("invalid scheme")
    form.get_by_label("URL", exact=True).fill(f"{there.url}/first?a=1")
    form.get_by_label("Its name in the group").fill("one")
    form.get_by_role("button", name="Add").click()
    group = line(page, "orders")
    expect(group.locator(".endpoints li")).to_have_text([re.compile(r"/first\?a=1one")])

    group.get_by_role("button", name="Add").click()
    expect(form.get_by_label("URL group")).to_have_value("orders")
    expect(form.get_by_label("URL", exact=True)).to_be_focused()
    page.keyboard.type(f"{there.url}/second")
    page.keyboard.press("Enter")
    expect(group.locator(".endpoints li")).to_have_count(2)
    http.post("/v2/publish/orders", content=b"x")
    group.get_by_role("link", name="Its messages").click()
    expect(page.locator(".list li")).to_have_count(2)
    page.click("#views >> text=URL groups")
    for question, left in (("Really remove?", 1), ("Really, with its group?", 0)):
        group.get_by_role("button", name="Remove").first.click()
        group.get_by_role("button", name=question).click()
        expect(group.locator(".endpoints li")).to_have_count(left)

    expect(page.locator(".empty:visible")).to_contain_text("No URL groups")
    assert http.get("/v2/topics").json() == []
    assert complaints == [REFUSED]
    complaints.clear()


def test_a_group_is_deleted_when_asked_twice(
    page: Page, http: httpx.Client, there: Destination
) -> None:
    http.post("/v2/topics/gone/endpoints", json={"endpoints": [{"url": f"{there.url}/x"}]})
    page.click("#views >> text=URL groups")
    group = line(page, "gone")

    group.get_by_role("button", name="Delete").click()
    group.get_by_role("button", name="Really delete?").click()

    expect(group).to_have_count(0)
