"""The started product on a disk that is full for a while: it says so, and then goes on (F9)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.samples import one_page
from tests.faults.disks import Disk, small_disk
from tests.faults.sizes import size
from tests.journey.product import Client, Gate, Waybill, checked, client_of
from tests.journey.witness import processed_once

pytestmark = pytest.mark.anyio

OUTAGES = size(ci=1, nightly=5)
MEBIBYTES = 48


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", mebibytes=MEBIBYTES) as disk:
        yield disk


@pytest.fixture
def waybill(disk: Disk, tmp_path: Path) -> Iterator[Waybill]:
    waybill = Waybill(disk.folder.parent, {})
    waybill.log = tmp_path / "serve.log"
    try:
        waybill.start()
        yield waybill
    finally:
        waybill.close()


async def bytes_are_refused(client: Client) -> list[str]:
    """Upload until the disk takes no more bytes; what it did take."""
    return await _until_refused(client, content=one_page())


async def facts_are_refused(client: Client, document_id: str) -> list[str]:
    """Register what lies in the store already, until the log takes no more; what it did take."""
    return await _until_refused(client, json={"path": f"documents/{document_id}"})


async def _until_refused(client: Client, **upload: Any) -> list[str]:
    taken: list[str] = []
    while True:
        answer = await client.http.post("/v1/documents?owner=ada", **upload)
        if answer.status_code != 202:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            return taken
        taken.append(answer.json()["document"]["id"])


async def accepted_again(client: Client) -> str:
    """Upload the same document until it is taken, as a client does that was told to come back."""
    while True:
        answer = await client.http.post("/v1/documents?owner=ada", content=one_page())
        if answer.status_code == 202:
            found: str = answer.json()["document"]["id"]
            return found
        assert answer.status_code == 503, answer.text


async def test_a_full_disk_refuses_uploads_and_everything_goes_on_when_there_is_space(
    disk: Disk, waybill: Waybill, tmp_path: Path
) -> None:
    pid = waybill.process.pid
    accepted = []
    async with client_of(waybill) as client:
        for outage in range(OUTAGES):
            gate = Gate(tmp_path / f"gate-{outage}")
            accepted.append(await client.upload(one_page()))
            accepted.append(await client.script(pages=2, gate=gate))
            await client.is_now(accepted[-1], "processing")

            disk.fail(pid)
            accepted += await bytes_are_refused(client)
            accepted += await facts_are_refused(client, accepted[0])
            gate.open()  # the attempt that was under way cannot be recorded now
            accepted += await facts_are_refused(client, accepted[0])
            told = checked(await client.http.get("/health"))
            assert any("log.db could not be written" in reason for reason in told["reasons"]), told

            disk.work(pid)
            accepted.append(await accepted_again(client))
        for document_id in accepted:
            await processed_once(waybill, client, document_id)
        assert checked(await client.http.get("/health"))["status"] == "ok"

    waybill.kill()
    waybill.start()
    async with client_of(waybill) as client:
        for document_id in accepted:
            assert (await client.document(document_id))["status"] == "succeeded"
