"""QStash cannot be reached: uploads are accepted all the same, and processed once it is back."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.publisher import DEADLINE_SECONDS
from tests.journey.misbehaving import WORST, under_any_broker
from tests.journey.processes import Broker
from tests.journey.product import (
    BESIDE,
    Client,
    Gate,
    Json,
    broker_of_its_own,
    checked,
    client_of,
    running,
)
from tests.journey.witness import count, processed_once
from tests.line import Fate, Line, arrives

pytestmark = pytest.mark.anyio

UPLOADS = 10
SOON_SECONDS = 0.5


class Mute(Line):
    """Takes every call, and none is ever answered."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.called = asyncio.Event()
        self._port = port

    def behind(self) -> int:
        return self._port

    def fates(self) -> tuple[Fate, Fate]:
        def asked(_piece: bytes) -> bytes:
            self.called.set()
            return b""

        return asked, arrives


@pytest.fixture
def broker(tmp_path: Path, misbehaving: bool) -> Iterator[Broker]:
    with broker_of_its_own(tmp_path / "qstash", *(WORST if misbehaving else ())) as broker:
        yield broker


async def health(client: Client) -> Json:
    return checked(await client.http.get("/health"))


@under_any_broker
async def test_an_upload_is_accepted_while_qstash_is_away_and_processed_when_it_is_back(
    tmp_path: Path, broker: Broker, letter: bytes, misbehaving: bool
) -> None:
    broker.kill()
    with running(tmp_path / "alone", broker.environment) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.upload(letter)
            await client.event(document_id, "publish_failed", ambiguous=False)

            told = await health(client)
            state = await client.document(document_id)
            assert told["status"] == "degraded"
            assert "QStash does not answer" in told["reasons"][0]
            assert state["status"] in ("received", "queued")

            broker.start()
            history = await processed_once(waybill, client, document_id)

            assert count(history, "publish_failed") >= 1
            # What was published again under its deduplication id is one message.
            assert count(history, "delivery_received") == 1 or misbehaving
            assert (await health(client))["status"] == "ok"


async def test_an_upload_is_answered_as_quickly_while_qstash_takes_calls_and_never_answers(
    tmp_path: Path, broker: Broker, letter: bytes
) -> None:
    async with Mute(broker.port).listening() as mute:
        settings = {**broker.environment, "QSTASH_URL": mute.url}
        with running(tmp_path / "alone", settings) as waybill:
            async with client_of(waybill) as client:
                await client.upload(letter)
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await mute.called.wait()
                took = []
                for number in range(UPLOADS):
                    began = time.monotonic()
                    await client.upload(letter + b"%" * number)
                    took.append(time.monotonic() - began)

    assert sum(took) < DEADLINE_SECONDS, "each would wait for as long, if it waited"
    assert sorted(took)[UPLOADS // 2] < SOON_SECONDS


@under_any_broker
async def test_a_restart_of_the_broker_loses_no_message(
    tmp_path: Path, broker: Broker, gate: Gate
) -> None:
    settings = {**broker.environment, "WAYBILL_WORKERS": "1", "WAYBILL_MAX_DELIVERIES": "1"}
    with running(tmp_path / "served", settings) as waybill:
        async with client_of(waybill) as client:
            ids = [await client.script(gate=gate, salt=str(number)) for number in range(5)]
            for document_id in ids:
                await client.handed_over(document_id)

            broker.kill()
            gate.open()
            broker.start()

            for document_id in ids:
                await processed_once(waybill, client, document_id)


async def test_the_broker_beside_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    with running(tmp_path / "beside", BESIDE) as waybill:
        helpers = waybill.process.children()
        assert any("broker" in " ".join(one.cmdline()) for one in helpers)
        async with client_of(waybill) as client:
            document_id = await client.script()
            await processed_once(waybill, client, document_id)

        waybill.kill()

        for helper in helpers:
            helper.wait(20)


async def test_a_broker_beside_that_dies_is_started_again_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "beside", BESIDE) as waybill:
        async with client_of(waybill) as client:
            for _ in range(2):
                [broker] = [
                    one for one in waybill.process.children() if "broker" in " ".join(one.cmdline())
                ]
                broker.kill()
                document_id = await client.script()

                await processed_once(waybill, client, document_id)
                assert (await health(client))["status"] == "ok"
