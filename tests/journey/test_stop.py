"""A stop on purpose: in time, without losing work, and the work goes on at the next start."""

from pathlib import Path

import pytest

from tests.journey.product import BESIDE, Gate, client_of, running
from tests.journey.witness import count, processed_once

pytestmark = pytest.mark.anyio


async def test_work_that_outlasts_the_drain_goes_on_after_the_next_start(
    tmp_path: Path, gate: Gate
) -> None:
    with running(tmp_path / "stopped", {"WAYBILL_DRAIN_SECONDS": "1", **BESIDE}) as waybill:
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


async def test_a_stop_waits_for_work_that_ends_in_time(tmp_path: Path, gate: Gate) -> None:
    with running(tmp_path / "stopped", {"WAYBILL_DRAIN_SECONDS": "20"}) as waybill:
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
