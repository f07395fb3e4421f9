"""Queues, schedules and flow-control keys on the broker's page: shown, and switched."""

import httpx
from playwright.sync_api import Page, expect

from tests.browser.broker.parts import badge, line, row
from tests.browser.destinations import Destination


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
