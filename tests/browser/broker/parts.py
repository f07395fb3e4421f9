"""The parts of the broker's page by what a test knows of them, and a message for it to show."""

import httpx
from playwright.sync_api import Locator, Page


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
