"""`GET /v1/documents` of a living server: by status and by owner, page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journey.product import Client, Gate, Json, checked, client_of, running

pytestmark = pytest.mark.anyio

SUCCEEDED, FAILED = 7, 4
MOST_PAGES = 20
SETTINGS = {"WAYBILL_WORKERS": "1", "WAYBILL_ATTEMPTS": "1"}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    with running(tmp_path / "served", SETTINGS) as waybill:
        async with client_of(waybill) as client:
            yield client


async def test_a_list_is_filtered_by_status_and_paged_while_more_comes(
    client: Client, gate: Gate
) -> None:
    good = [await client.script(salt=str(n), owner="ada") for n in range(SUCCEEDED)]
    bad = [await client.script(salt=str(n), complaint="no", owner="bob") for n in range(FAILED)]
    for each in (*good, *bad):
        await client.ends(each)
    held = await client.script(gate=gate)
    await client.is_now(held, "processing")
    everything = [held, *reversed(bad), *reversed(good)]  # the newest first

    assert ids(await pages(client, limit=100)) == [everything]
    assert ids(await pages(client, limit=100, status="succeeded")) == [list(reversed(good))]
    assert ids(await pages(client, limit=2, status="failed")) == [
        [bad[3], bad[2]],
        [bad[1], bad[0]],
    ], "nothing follows the second page, full as it is"
    assert len(await pages(client, limit=FAILED - 1, status="failed")) == 2
    assert flat(await pages(client, limit=2, status=["failed", "processing"])) == [
        held,
        *reversed(bad),
    ]
    assert flat(await pages(client, limit=3, status="succeeded", owner="bob")) == []
    assert flat(await pages(client, limit=3, owner="bob")) == list(reversed(bad))

    found = await pages(client, limit=4, meanwhile=lambda: client.script(salt="new"))
    assert flat(found) == everything, "what comes later is in front of the first page"
    assert len(found) == 3, "three full ones, and the last says that there is no more"
    states = {one["id"]: one["status"] for page in found for one in page["documents"]}
    assert [states[one] for one in (good[0], bad[0], held)] == ["succeeded", "failed", "processing"]
    gate.open()


async def pages(
    client: Client, *, meanwhile: Callable[[], Awaitable[object]] | None = None, **query: Any
) -> list[Json]:
    """Every page of a list; something may happen behind each."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while len(found) < MOST_PAGES:
        answer = await client.http.get("/v1/documents", params={**query, **cursor})
        found.append(checked(answer))
        if found[-1]["next"] is None:
            return found
        cursor = {"cursor": found[-1]["next"]}
        if meanwhile is not None:
            await meanwhile()
    raise AssertionError(f"{MOST_PAGES} pages, and no end of it")


def ids(found: list[Json]) -> list[list[str]]:
    return [[one["id"] for one in page["documents"]] for page in found]


def flat(found: list[Json]) -> list[str]:
    return [one for page in ids(found) for one in page]
