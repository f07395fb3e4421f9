"""A broker for each file of tests, its page in a browser, and what it delivers to."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opened
from tests.browser.destinations import Destination, listening
from tests.journey.processes import Broker
from tests.journey.product import broker_of_its_own


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
