"""The product on PostgreSQL: one node, a node that dies, two nodes that share the work."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.journey.balancer import Balancer
from tests.journey.product import Client, Gate, Json, Waybill, broker_of_its_own, client_of, running
from tests.journey.test_erase import NAME, PERSONAL, TEXT, ask, erased, forms, traces, uploaded
from tests.ports import free_port
from tests.postgres import database_of, server

pytestmark = pytest.mark.anyio

LETTER = {"processor": "pdf-text", "name": "letter.pdf", "owner": "ada"}


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Mapping[str, str]:
    return {"WAYBILL_DATABASE_URL": database_of(tmp_path)}


async def test_a_document_is_read_and_outlives_a_kill(
    tmp_path: Path, on_postgresql: Mapping[str, str], letter: bytes, gate: Gate
) -> None:
    with running(tmp_path / "node", on_postgresql) as waybill:
        async with client_of(waybill) as client:
            read = await client.upload(letter)
            assert (await client.ends(read))["status"] == "succeeded"
            begun = await client.script(gate=gate)
            await client.is_now(begun, "processing")
        waybill.kill()
        gate.open()
        waybill.start()
        async with client_of(waybill) as client:
            assert (await client.document(read))["status"] == "succeeded"
            assert (await client.ends(begun))["status"] == "succeeded"
        assert not list((waybill.data).glob("*log.db*"))
        assert waybill.stop() == 0


async def test_two_nodes_on_one_database_share_the_work_and_survive_each_other(
    tmp_path: Path, on_postgresql: Mapping[str, str], gate: Gate
) -> None:
    with broker_of_its_own(tmp_path / "broker") as broker:
        async with Balancer().listening() as before:
            shared = {
                **on_postgresql,
                **broker.environment,
                "WAYBILL_PUBLIC_URL": before.url,
                "WAYBILL_STORAGE_URL": (tmp_path / "objects").as_uri(),
            }
            with running(tmp_path / "a", shared) as a, running(tmp_path / "b", shared) as b:
                before.ports += [port_of(a.url), port_of(b.url)]
                async with client_of(a) as to_a, client_of(b) as to_b:
                    at_once = [await to_a.script(gate=gate, salt=str(n)) for n in range(4)]
                    for each in at_once:
                        await to_b.is_now(each, "processing")
                    workers = {(await _started(to_b, each))["node"] for each in at_once}
                    assert len(workers) == 2

                    a.kill()
                    before.ports.remove(port_of(a.url))
                    gate.open()
                    for each in at_once:
                        assert (await to_b.ends(each))["status"] == "succeeded"
                    after = await to_b.script()
                    assert (await to_b.ends(after))["status"] == "succeeded"


async def test_what_one_node_erases_is_gone_from_the_other_and_from_the_database(
    tmp_path: Path, on_postgresql: Mapping[str, str]
) -> None:
    with broker_of_its_own(tmp_path / "broker") as broker:
        shared = {
            **on_postgresql,
            **broker.environment,
            "WAYBILL_STORAGE_URL": (tmp_path / "objects").as_uri(),
        }
        with running(tmp_path / "a", shared) as a, running(tmp_path / "b", shared) as b:
            async with client_of(a) as to_a, client_of(b) as to_b:
                document_id = await uploaded(to_a)
                assert TEXT in await to_b.text(document_id)
                assert _tables_with(tmp_path, NAME) != []

                await ask(to_a, document_id)
                await erased(to_b, document_id)

                text = await to_b.http.get(f"/v1/documents/{document_id}/text")
                assert text.status_code == 410
                assert (await to_b.history(document_id))[0]["data"]["name"] == "erased"
                assert _tables_with(tmp_path, *PERSONAL) == []
                assert traces(a, *PERSONAL) == traces(b, *PERSONAL) == []


def _tables_with(folder: Path, *texts: str) -> list[str]:
    """The tables that have one of these texts in a row, in whatever form."""
    database = database_of(folder).rpartition("/")[2]
    named = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname"
    found = server().sql(f"{named} IN ('log', 'read', 'keys')", database)
    wanted = [form for text in texts for form in forms(text)]
    return [
        name
        for (name,) in found
        for (row,) in server().sql(f"SELECT t::text FROM {name} t", database)
        if any(form in row.encode() for form in wanted)
    ]


async def test_while_the_database_is_away_uploads_are_refused_and_then_all_goes_on(
    tmp_path: Path, letter: bytes
) -> None:
    async with Balancer().listening() as line:
        line.ports = [server().port]
        behind = f":{line.port}/"
        url = database_of(tmp_path).replace(f":{server().port}/", behind)
        waybill = Waybill(tmp_path, {"WAYBILL_DATABASE_URL": url})
        try:
            await asyncio.to_thread(waybill.start)
            async with client_of(waybill) as client:
                before = await client.upload(letter)
                assert (await client.ends(before))["status"] == "succeeded"

                line.ports = [free_port()]
                await line.drop()
                refused = await client.http.post("/v1/documents", content=letter, params=LETTER)
                assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
                health = await client.http.get("/health")
                assert health.json()["status"] != "ok"

                line.ports = [server().port]
                assert (await client.document(before))["status"] == "succeeded"
                after = await client.upload(letter)
                assert (await client.ends(after))["status"] == "succeeded"
        finally:
            waybill.close()


async def _started(client: Client, document_id: str) -> Json:
    """Who works on it."""
    history = await client.history(document_id)
    found: Json = next(one for one in history if one["type"] == "processing_started")["data"]
    return found


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])
