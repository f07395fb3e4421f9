"""One server for all tests that leave it as they found it, and samples that are made once."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.samples import large_document, one_page
from tests.journey.product import BESIDE, Client, Gate, Waybill, client_of, running

UPLOAD_LIMIT = 16 * 1024 * 1024


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    """A server that many tests share."""
    settings = {"WAYBILL_MAX_UPLOAD_BYTES": str(UPLOAD_LIMIT), **BESIDE}
    with running(tmp_path_factory.mktemp("house"), settings) as waybill:
        yield waybill


@pytest.fixture
async def client(house: Waybill) -> AsyncIterator[Client]:
    async with client_of(house) as client:
        yield client


@pytest.fixture(scope="session")
def letter() -> bytes:
    return one_page()


@pytest.fixture(scope="session")
def large() -> bytes:
    return large_document()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A scripted document goes on when this is opened; a failed test leaves no worker waiting."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.open()
