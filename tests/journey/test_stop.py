"""A stop on purpose: in time, without losing work, and the work goes on at the next start."""

import os
import signal
from pathlib import Path

import pytest

from tests.journey.misbehaving import under_any_broker
from tests.journey.processes import Started
from tests.journey.product import BESIDE, QUICK, Gate, client_of, eventually, running
from tests.journey.witness import count, processed_once
from tests.ports import free_port

pytestmark = pytest.mark.anyio


@under_any_broker
async def test_work_that_outlasts_the_drain_goes_on_after_the_next_start(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    settings = {"WAYBILL_DRAIN_SECONDS": "1", **BESIDE, **transport}
    with running(tmp_path / "stopped", settings) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate, pages=2)
            await client.event(document_id, "progress_reported")
            helpers = waybill.process.children()

            code = waybill.stop()

        assert code == 0
        assert [one.pid for one in helpers if one.is_running()] == []
        gate.open()
        waybill.start()
        async with client_of(waybill) as client:
            history = await processed_once(waybill, client, document_id)
            assert count(history, "processing_started") == 2
            [failed] = [event["data"] for event in history if event["type"] == "processing_failed"]
            assert failed["error_message"] == "the attempt was stopped with the server"


@under_any_broker
async def test_a_stop_waits_for_work_that_ends_in_time(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    with running(tmp_path / "stopped", {"WAYBILL_DRAIN_SECONDS": "20", **transport}) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate)
            await client.is_now(document_id, "processing")

            waybill.process.ask_to_stop()
            gate.open()
            assert waybill.process.ended() == 0

        waybill.start()
        async with client_of(waybill) as client:
            history = await processed_once(waybill, client, document_id)
            assert count(history, "processing_started") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_that_reaches_every_process_while_they_start_is_no_trouble(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    command = ["serve", "--data", str(tmp_path / "data"), "--port", "0"]
    settings = {**QUICK, **BESIDE, "WAYBILL_BROKER_PORT": str(free_port())}
    process = Started(command, log=log, settings=settings)
    try:
        # The broker is there, and no more of our group: a child is that until it says otherwise.
        await eventually(lambda: any(os.getpgid(one.pid) == one.pid for one in process.children()))

        os.killpg(process.pid, number)  # as a terminal does, and `timeout`

        assert process.ended() in (0, 130)
        said = log.read_text()
        assert '"level":"error"' not in said and "Traceback" not in said, said
    finally:
        process.close()
