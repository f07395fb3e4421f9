"""How documents come in: raw, as a form, by reference; repeated, too large, and very large."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.journey.conftest import UPLOAD_LIMIT
from tests.journey.product import Client, Waybill, client_of, eventually, running
from tests.journey.witness import count, processed_once

pytestmark = pytest.mark.anyio

MEGABYTE = 1_000_000
PDF = {"Content-Type": "application/pdf"}


async def test_the_answer_says_where_the_document_is(client: Client, letter: bytes) -> None:
    response = await client.http.post(
        "/v1/documents", params={"name": "a.pdf"}, headers=PDF, content=letter
    )

    accepted = response.json()
    document = accepted["document"]
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/documents/{document['id']}"
    assert accepted["position"] >= 1
    assert document["sha256"] == hashlib.sha256(letter).hexdigest()
    assert (document["bytes"], document["name"]) == (len(letter), "a.pdf")


async def test_a_form_with_a_file_is_an_upload(
    house: Waybill, client: Client, letter: bytes
) -> None:
    response = await client.http.post(
        "/v1/documents",
        data={"owner": "grace"},
        files={"file": ("../../etc/passwd", letter, "application/pdf")},
    )

    document = response.json()["document"]
    assert response.status_code == 202, response.text
    assert document["owner"] == "grace"
    assert document["name"].endswith("passwd")
    await processed_once(house, client, document["id"])


async def test_an_object_that_lies_in_the_store_is_registered_by_reference(
    house: Waybill, client: Client, letter: bytes
) -> None:
    place = house.data / "objects" / "elsewhere" / "letter.pdf"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(letter)
    reference = {"path": "elsewhere/letter.pdf", "owner": "grace", "id": "my-own-id"}

    first = await client.http.post("/v1/documents", json=reference)
    again = await client.http.post("/v1/documents", json=reference)
    lost = await client.http.post("/v1/documents", json={**reference, "path": "no/such"})

    assert first.status_code == again.status_code == 202, first.text
    assert first.json()["document"]["id"] == "my-own-id"
    assert lost.status_code == 422
    await processed_once(house, client, "my-own-id")
    assert count(await client.history("my-own-id"), "document_registered") == 1


async def test_an_upload_repeated_with_its_key_is_the_same_document(
    client: Client, letter: bytes
) -> None:
    key = "the-same-key"

    first, second = [await client.upload(letter, key=key) for _ in range(2)]
    other = await client.http.post(
        "/v1/documents",
        params={"owner": "ada"},
        headers={**PDF, "Idempotency-Key": key},
        content=letter + b" ",
    )

    assert first == second
    assert other.status_code == 409
    assert "key" in other.json()["detail"]
    assert count(await client.history(first), "document_registered") == 1


async def test_many_uploads_at_once_with_one_key_are_one_document(
    house: Waybill, client: Client, letter: bytes
) -> None:
    ids = await asyncio.gather(*[client.upload(letter, key="a-crowd") for _ in range(8)])

    assert len(set(ids)) == 1
    await processed_once(house, client, ids[0])


async def connect(waybill: Waybill) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(waybill.url)
    return await asyncio.open_connection(address.hostname, address.port)


HEAD = b"POST /v1/documents HTTP/1.1\r\nHost: waybill\r\nContent-Type: application/pdf\r\n"


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    house: Waybill,
) -> None:
    reader, writer = await connect(house)

    writer.write(HEAD + f"Content-Length: {UPLOAD_LIMIT + 1}\r\n\r\n".encode())
    status = await asyncio.wait_for(reader.readline(), 20)

    assert b" 413 " in status
    writer.close()


async def test_a_body_without_a_length_is_refused_at_the_limit(house: Waybill) -> None:
    reader, writer = await connect(house)
    objects = house.data / "objects" / "documents"
    before = set(objects.iterdir())

    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = bytes(1 << 20)
    for _ in range(UPLOAD_LIMIT // len(chunk) + 1):
        writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        await writer.drain()
    status = await asyncio.wait_for(reader.readline(), 20)  # and the body has no end yet

    assert b" 413 " in status
    writer.close()
    assert set(objects.iterdir()) == before


async def test_an_upload_that_breaks_off_leaves_nothing(house: Waybill, client: Client) -> None:
    objects = house.data / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    head = (await client.http.get("/health")).json()["position"]
    _, writer = await connect(house)

    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n" + b"%PDF-1.7 and no more")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    await eventually(lambda: {path for path in objects.rglob("*") if path.is_file()} == before)
    assert (await client.http.get("/health")).json()["position"] == head


async def test_an_unknown_document_or_processor_is_told_as_a_problem(
    client: Client, letter: bytes
) -> None:
    nobody = [
        await client.http.get("/v1/documents/doc_nobody"),
        await client.http.get("/v1/documents/doc_nobody/events"),
        await client.http.get("/v1/documents/doc_nobody/text"),
        await client.post("doc_nobody", "retry"),
        await client.post("doc_nobody", "cancel"),
    ]
    stranger = await client.http.post(
        "/v1/documents", params={"processor": "pdf-poetry"}, headers=PDF, content=letter
    )

    assert [answer.status_code for answer in nobody] == [404] * 5
    assert all("doc_nobody" in answer.json()["detail"] for answer in nobody)
    assert stranger.status_code in (400, 409, 422)
    assert "pdf-text" in stranger.json()["detail"]


async def zeros(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield bytes(MEGABYTE)


async def test_an_upload_of_200_megabytes_raises_memory_by_less_than_20(tmp_path: Path) -> None:
    settings = {"WAYBILL_MAX_UPLOAD_BYTES": "300MB"}
    with running(tmp_path / "roomy", settings) as waybill:
        async with client_of(waybill) as client:
            await client.upload(b"warm", processor="none")
            before = waybill.process.memory()
            uploading = asyncio.create_task(_upload(client.http, zeros(200)))

            highest = before
            while not uploading.done():
                highest = max(highest, waybill.process.memory())
                await asyncio.wait({uploading}, timeout=0.02)

            assert (await uploading).status_code == 202, (await uploading).text
            assert highest - before < 20 * MEGABYTE


async def _upload(http: httpx.AsyncClient, content: AsyncIterator[bytes]) -> httpx.Response:
    return await http.post(
        "/v1/documents", params={"processor": "none"}, headers=PDF, content=content
    )
