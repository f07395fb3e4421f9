"""One server for all tests that leave it as they found it, and samples that are made once."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.samples import large_document, one_page
from tests.journey.misbehaving import CHAOS
from tests.journey.product import (
    BESIDE,
    Client,
    Gate,
    Waybill,
    broker_of_its_own,
    client_of,
    running,
)

UPLOAD_LIMIT = 16 * 1024 * 1024
SETTINGS = {"WAYBILL_MAX_UPLOAD_BYTES": str(UPLOAD_LIMIT), **BESIDE}


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    """A server that many tests share."""
    with running(tmp_path_factory.mktemp("house"), SETTINGS) as waybill:
        yield waybill


@pytest.fixture
def misbehaving(request: pytest.FixtureRequest) -> bool:
    """Whether the broker of this test misbehaves: never, but for a test `under_any_broker`."""
    return bool(getattr(request, "param", False))


@pytest.fixture
def transport(tmp_path: Path, misbehaving: bool) -> Iterator[dict[str, str]]:
    """What a server of the test's own is told of its broker: nothing, or where it misbehaves."""
    if not misbehaving:
        yield {}
        return
    with broker_of_its_own(tmp_path / "misbehaving", "--chaos", CHAOS) as broker:
        yield broker.environment


@pytest.fixture
def house(
    request: pytest.FixtureRequest, tmp_path: Path, transport: dict[str, str]
) -> Iterator[Waybill]:
    """The server that many tests share; under a broker that misbehaves, one of the test's own."""
    if not transport:
        yield request.getfixturevalue("shared_house")
        return
    with running(tmp_path / "house", {**SETTINGS, **transport}) as waybill:
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
