"""A broker killed without warning loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.brokers import TOKEN, Receiver, becomes_true, served
from tests.forking import Forked, environment_of_a_user
from tests.ports import free_port

pytestmark = pytest.mark.anyio

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def running(database: Path, port: int) -> AsyncIterator[Forked]:
    command = (str(database), str(port), TOKEN)
    with Forked("tests.broker_process", command, environment=environment_of_a_user()) as process:

        async def ready() -> bool:
            assert process.poll() is None, "the broker ended by itself"
            try:
                return (await http.get(f"http://127.0.0.1:{port}/v2/keys")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            async with httpx.AsyncClient(headers=AUTH) as http:
                await becomes_true(ready)
            yield process
        finally:
            process.kill()


async def test_every_acknowledged_message_is_delivered_after_a_kill(tmp_path: Path) -> None:
    receiver = Receiver(pause=asyncio.Event())
    database, port = tmp_path / "broker.db", free_port()
    async with served(receiver) as hook:
        async with running(database, port) as process, httpx.AsyncClient(headers=AUTH) as http:
            publish = f"http://127.0.0.1:{port}/v2/publish/{hook}"
            answers = await asyncio.gather(
                *(http.post(f"{publish}/{number}", content=b"x") for number in range(150))
            )
            published = [answer.json()["messageId"] for answer in answers]
            await receiver.hears(64)
            process.kill()
            process.wait()
        assert receiver.pause is not None
        receiver.pause.set()
        before = len(receiver.heard)
        assert before == 64

        async with running(database, port):

            async def all_heard() -> bool:
                ids = {one.headers["upstash-message-id"] for one in receiver.heard}
                return ids == set(published)

            await becomes_true(all_heard)

    again = len(receiver.heard) - len(published)
    assert again <= 64, "only what was in flight may come twice"


async def test_a_waiting_retry_and_the_keys_survive_a_kill(tmp_path: Path) -> None:
    database, port = tmp_path / "broker.db", free_port()
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(headers=AUTH, base_url=base) as http, running(database, port):
        await http.post("/v2/keys/rotate")
        keys = (await http.get("/v2/keys")).json()
        answer = await http.post(
            "/v2/publish/http://127.0.0.1:9/nobody", headers={"Upstash-Retries": "1"}
        )
        message_id = answer.json()["messageId"]

        async def failed_once() -> bool:
            page = await http.get("/v2/events", params={"messageId": message_id})
            return bool(page.json()["events"][0]["state"] == "RETRY")

        await becomes_true(failed_once)

    async with (
        running(database, port),
        httpx.AsyncClient(headers=AUTH, base_url=base) as http,
    ):
        assert (await http.get("/v2/keys")).json() == keys
        page = (await http.get("/v2/events", params={"messageId": message_id})).json()
        assert [e["state"] for e in page["events"]] == ["RETRY", "ERROR", "ACTIVE", "CREATED"]
        assert "Cannot connect" in page["events"][1]["error"]
        assert (await http.get(f"/v2/messages/{message_id}")).status_code == 200
