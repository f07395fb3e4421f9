"""The product under a broker that misbehaves: every document ends, and each was read once."""

import asyncio
from pathlib import Path

import pytest

from tests.journey.misbehaving import CHAOS
from tests.journey.product import Client, broker_of_its_own, client_of, running
from tests.journey.witness import processed_once

pytestmark = pytest.mark.anyio

DOCUMENTS = 30


async def test_thirty_documents_are_each_read_once(tmp_path: Path, letter: bytes) -> None:
    with (
        broker_of_its_own(tmp_path / "qstash", "--chaos", CHAOS) as broker,
        running(tmp_path / "waybill", broker.environment) as waybill,
    ):
        async with client_of(waybill) as client:
            ids = [await client.upload(letter, name=f"{n}.pdf") for n in range(DOCUMENTS)]
            await asyncio.gather(
                *(processed_once(waybill, client, document_id) for document_id in ids)
            )
            delivered = await deliveries(client)

    assert delivered > DOCUMENTS, "nothing was delivered twice: the broker behaved"


async def deliveries(client: Client) -> float:
    """How many deliveries the service has answered, whatever it said."""
    text = (await client.http.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("waybill_deliveries_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
