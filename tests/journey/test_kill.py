"""`kill -9` at each step of a document's way: nothing accepted is lost, nothing is done twice.

What holds the document at a step is real: a QStash that is away or mute, a busy worker, a log that
another program holds. Step by step as in the table of the design. In each of them the broker may
misbehave besides.
"""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.journey.misbehaving import WORST, under_any_broker
from tests.journey.processes import Broker
from tests.journey.product import (
    BESIDE,
    Client,
    Gate,
    Waybill,
    broker_of_its_own,
    client_of,
    eventually,
    running,
)
from tests.journey.proxy import answers_lost
from tests.journey.witness import count, processed_once, types

pytestmark = pytest.mark.anyio


@pytest.fixture
def broker(tmp_path: Path, misbehaving: bool) -> Iterator[Broker]:
    with broker_of_its_own(tmp_path / "qstash", *(WORST if misbehaving else ())) as broker:
        yield broker


@contextmanager
def mute(port: int) -> Iterator[None]:
    """Somebody who takes calls at this port and never says a word."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        yield


@contextmanager
def locked(log: Path) -> Iterator[None]:
    """Another program holds the log: it can be read, not written."""
    with closing(sqlite3.connect(log, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def recovered(waybill: Waybill, *document_ids: str) -> list[list[str]]:
    """Start again; what happened to each of these documents in the end."""
    waybill.start()
    async with client_of(waybill) as client:
        return [types(await processed_once(waybill, client, one)) for one in document_ids]


@under_any_broker
async def test_step_2_killed_when_registered_and_nothing_more(
    tmp_path: Path, broker: Broker, letter: bytes, misbehaving: bool
) -> None:
    broker.kill()
    with running(tmp_path / "waybill", broker.environment) as waybill:
        async with client_of(waybill) as client:
            probe = await client.upload(letter)
            # Since QStash does not answer, the next document is left in peace for a while.
            await client.happens(probe, lambda event: event["type"] == "publish_failed", times=2)
            document_id = await client.upload(letter)
            waybill.kill()
        broker.start()

        _, history = await recovered(waybill, probe, document_id)

        assert history[0] == "document_registered"
        assert history.count("delivery_received") == 1 or misbehaving


@under_any_broker
async def test_step_3_killed_while_qstash_is_asked(
    tmp_path: Path, broker: Broker, letter: bytes
) -> None:
    broker.kill()
    with running(tmp_path / "waybill", broker.environment) as waybill:
        with mute(broker.port):
            async with client_of(waybill) as client:
                document_id = await client.upload(letter)
                history = await client.event(document_id, "enqueue_requested")
                assert types(history)[-1] == "enqueue_requested"
                waybill.kill()
        broker.start()

        [history_after] = await recovered(waybill, document_id)

        assert history_after.count("enqueue_requested") == 1, "the same publish is repeated"


@under_any_broker
async def test_step_3_killed_when_qstash_has_taken_what_we_do_not_know_of(
    tmp_path: Path, broker: Broker, gate: Gate
) -> None:
    async with answers_lost(broker.port) as proxy:
        settings = {**broker.environment, "QSTASH_URL": proxy.url}
        with running(tmp_path / "waybill", settings) as waybill:
            async with client_of(waybill) as client:
                document_id = await client.script(gate=gate)
                history = await client.event(document_id, "processing_started")
                assert count(history, "enqueued") == 0
                waybill.kill()
            proxy.pass_answers()
            gate.open()

            await recovered(waybill, document_id)


@under_any_broker
async def test_step_4_killed_while_deliveries_wait_for_a_worker(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    settings = {"WAYBILL_WORKERS": "1", "WAYBILL_MAX_DELIVERIES": "1", **transport}
    with running(tmp_path / "waybill", settings) as waybill:
        async with client_of(waybill) as client:
            ids = [await client.script(gate=gate, salt=str(number)) for number in range(4)]
            for document_id in ids:
                await client.handed_over(document_id)
            await client.becomes(ids[0], lambda state: state["status"] == "processing")
            waybill.kill()
        gate.open()

        await recovered(waybill, *ids)


@under_any_broker
async def test_step_5_killed_when_the_lease_was_just_taken(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    with running(tmp_path / "waybill", transport) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate)
            await client.event(document_id, "processing_started")
            workers = waybill.process.children()
            waybill.kill()
        for worker in workers:
            worker.wait(20)
        gate.open()

        [history] = await recovered(waybill, document_id)

        assert history.count("lease_expired") == 1
        assert history.count("processing_started") == 2


@under_any_broker
async def test_step_6_killed_in_the_middle_of_the_pages(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    with running(tmp_path / "waybill", {**BESIDE, **transport}) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate, pages=40)
            await client.becomes(document_id, lambda state: state.get("pages_done", 0) > 0)
            waybill.kill()
        gate.open()

        await recovered(waybill, document_id)

        assert list((waybill.data / "scratch").iterdir()) == []


@under_any_broker
async def test_step_7_killed_between_the_result_and_the_log(
    tmp_path: Path, transport: dict[str, str], gate: Gate
) -> None:
    with running(tmp_path / "waybill", transport) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate)
            await client.is_now(document_id, "processing")
            with locked(waybill.data / "log.db"):
                gate.open()
                await eventually(lambda: bool(waybill.results(document_id)))
                waybill.kill()
        before = waybill.results(document_id)

        [history] = await recovered(waybill, document_id)

        assert history.count("processing_started") == 2
        assert waybill.results(document_id) == before


@under_any_broker
async def test_step_7_killed_between_the_log_and_the_answer(
    tmp_path: Path, broker: Broker, gate: Gate
) -> None:
    with running(tmp_path / "waybill", broker.environment) as waybill:
        async with client_of(waybill) as client:
            document_id = await client.script(gate=gate)
            await client.is_now(document_id, "processing")
            broker.kill()  # it cannot hear our answer
            gate.open()
            await client.ends(document_id)
            waybill.kill()
        waybill.start()
        broker.start()

        async with client_of(waybill) as client:
            reason = "already_succeeded"
            history = await client.event(document_id, "delivery_ignored", reason=reason)
            assert history[-1]["data"]["reason"] == reason
            assert history[-1]["data"]["responded"] == 200
            assert count(history, "processing_started") == 1
            await processed_once(waybill, client, document_id)


@under_any_broker
async def test_a_worker_that_is_killed_costs_one_attempt_and_no_document(
    house: Waybill, client: Client, gate: Gate
) -> None:
    document_id = await client.script(gate=gate)
    await client.is_now(document_id, "processing")
    await gate.reached()  # the log knows of an attempt before its worker does

    for worker in house.process.children():
        worker.kill()
    gate.open()

    history = await processed_once(house, client, document_id)
    assert count(history, "processing_failed") == 1
    assert count(history, "retry_scheduled") == 1
