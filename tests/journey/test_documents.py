"""The main job on real input: upload, queue, delivery, reading, and a badge that moves."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader

from service import samples
from tests.feed_reader import Event, events
from tests.journey.misbehaving import under_any_broker
from tests.journey.product import Client, Gate, Json, Waybill
from tests.journey.witness import ORDER, count, holds, processed_once, types

pytestmark = pytest.mark.anyio


def words_of(pdf: bytes) -> str:
    """What pypdf itself reads, page by page."""
    return "\f".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def files_with(waybill: Waybill, line: str) -> list[Path]:
    """Where a line of a text stands besides the object store: events only refer to it."""
    files = [path for path in waybill.data.rglob("*") if path.is_file()]
    elsewhere = [path for path in files if waybill.data / "objects" not in path.parents]
    assert waybill.data / "log.db" in elsewhere
    return [path for path in elsewhere if line.encode() in path.read_bytes()]


async def shown(http: httpx.AsyncClient, owner: str, opened: asyncio.Event) -> list[Json]:
    """Every state that a badge shows, until the first final one."""
    states: list[Json] = []
    async with http.stream("GET", f"/v1/feed/users/{owner}") as response:
        async for event in events(response):
            opened.set()
            states.extend(_states(event))
            if states and states[-1]["final"]:
                return states
    raise AssertionError("the feed ended before the document did")


def _states(event: Event) -> list[Json]:
    if event.name == "status":
        return [event.data]
    return event.data.get("docs", []) if event.name == "snapshot" else []


async def test_a_text_that_is_not_in_storage_any_more_is_a_problem_and_not_an_empty_answer(
    house: Waybill, client: Client, letter: bytes
) -> None:
    document_id = await client.upload(letter)
    await client.ends(document_id)
    for kept in (house.data / "objects" / "results").glob(f"{document_id}.*"):
        kept.unlink()

    for path in ("text", "text?page=1"):
        answer = await client.http.get(f"/v1/documents/{document_id}/{path}")
        assert answer.status_code == 410
        assert "its text is not in storage any more" in answer.json()["detail"]


@under_any_broker
async def test_a_document_is_uploaded_queued_delivered_read_and_shown(
    house: Waybill, client: Client
) -> None:
    pdf = samples.text_document(12)
    opened = asyncio.Event()
    badge = asyncio.create_task(shown(client.http, "hedy", opened))
    await opened.wait()

    document_id = await client.upload(pdf, name="report.pdf", owner="hedy")
    states = await badge

    history = await processed_once(house, client, document_id)
    # Our own note that QStash took it is not needed when the delivery is quicker; and a broker
    # that misbehaves is ignored.
    besides = ("progress_reported", "enqueued", "delivery_ignored")
    assert types([event for event in history if event["type"] not in besides]) == [
        "document_registered",
        "enqueue_requested",
        "delivery_received",
        "processing_started",
        "processing_succeeded",
    ]
    assert await client.text(document_id) == words_of(pdf)
    assert files_with(house, max(words_of(pdf).splitlines(), key=len)) == []
    assert "Page 12 of 12" in words_of(pdf)
    ranks = [ORDER.index(state["status"]) for state in states]
    assert ranks == sorted(ranks)
    assert states[-1]["status"] == "succeeded"
    assert (states[-1]["pages_done"], states[-1]["pages_total"]) == (12, 12)
    positions = [state["position"] for state in states]
    assert positions == sorted(set(positions))


@under_any_broker
async def test_every_state_is_shown_to_somebody_who_watches(client: Client, gate: Gate) -> None:
    opened = asyncio.Event()
    badge = asyncio.create_task(shown(client.http, "lise", opened))
    await opened.wait()

    document_id = await client.script(owner="lise", gate=gate)
    await client.is_now(document_id, "processing")
    gate.open()
    states = await badge

    assert [state["status"] for state in states][-1] == "succeeded"
    assert "processing" in [state["status"] for state in states]
    last = await client.document(document_id)
    assert last == states[-1]


async def test_one_page_can_be_read_alone(client: Client) -> None:
    document_id = await client.upload(samples.text_document(3))
    await client.ends(document_id)

    second = await client.http.get(f"/v1/documents/{document_id}/text", params={"page": 2})
    beyond = await client.http.get(f"/v1/documents/{document_id}/text", params={"page": 4})

    assert second.text.startswith("Page 2 of 3")
    assert beyond.status_code == 404


@under_any_broker
async def test_a_document_of_ten_megabytes_shows_progress_and_keeps_its_lease(
    house: Waybill, client: Client, large: bytes
) -> None:
    assert len(large) > 9_500_000
    opened = asyncio.Event()
    badge = asyncio.create_task(shown(client.http, "emmy", opened))
    await opened.wait()

    document_id = await client.upload(large, owner="emmy")
    states = await badge

    history = await processed_once(house, client, document_id)
    beats = [e["data"] for e in history if e["type"] == "progress_reported"]
    leases = [beat["lease_until"] for beat in beats]
    assert len(leases) >= 2
    assert leases == sorted(set(leases))
    assert len(beats) <= 20
    pages = [state["pages_done"] for state in states if state["status"] == "processing"]
    assert pages == sorted(pages)
    assert any(0 < page < 300 for page in pages)
    assert states[-1]["pages_done"] == 300
    assert (await client.text(document_id)).count("\f") == 299


@under_any_broker
async def test_five_documents_at_once_all_arrive(house: Waybill, client: Client) -> None:
    pdfs = [samples.text_document(pages) for pages in range(1, 6)]

    ids = await asyncio.gather(*[client.upload(pdf) for pdf in pdfs])
    await asyncio.gather(*[client.ends(document_id) for document_id in ids])

    assert len(set(ids)) == 5
    for document_id, pdf in zip(ids, pdfs, strict=True):
        await processed_once(house, client, document_id)
        assert await client.text(document_id) == words_of(pdf)


UNREADABLE: dict[str, Callable[[], bytes]] = {
    "password_required": samples.password_protected,
    "damaged": samples.damaged,
    "empty": samples.empty_file,
    "not_a_pdf": lambda: b"PK\x03\x04 this was a spreadsheet once",
}


@under_any_broker
@pytest.mark.parametrize("code", UNREADABLE)
async def test_a_document_that_nobody_can_read_fails_once_and_says_why(
    client: Client, house: Waybill, code: str
) -> None:
    document_id = await client.upload(UNREADABLE[code]())

    state = await client.ends(document_id)

    history = await client.history(document_id)
    holds(history)
    assert (state["status"], state["error_code"]) == ("failed", code)
    assert len(state["error"].split()) >= 4
    assert state["error"].endswith(".")
    assert count(history, "processing_started") == 1
    assert count(history, "retry_scheduled") == 0
    assert house.results(document_id) == []


async def test_a_pdf_locked_with_an_empty_password_is_read_like_any_other(
    house: Waybill, client: Client
) -> None:
    document_id = await client.upload(samples.password_protected(password=""))

    await processed_once(house, client, document_id)
    assert (await client.text(document_id)).startswith("Page 1 of 1")
