"""A server that dies again and again, at any moment, while people go on uploading."""

import asyncio
import random
from pathlib import Path

import httpx
import pytest

from service.samples import text_document
from tests.journey.misbehaving import under_any_broker
from tests.journey.product import Client, Waybill, client_of, running
from tests.journey.witness import processed_once

pytestmark = pytest.mark.anyio

KILLS = 12
LONGEST_LIFE = 0.4
PEOPLE = 3
BUDGET = {"WAYBILL_ATTEMPTS": str(KILLS + 4)}


class Person:
    """Uploads one document after the other, each until it is accepted; knows what was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.accepted: dict[str, str] = {}

    async def uploads(self, client: Client) -> None:
        while True:
            key = f"{self.name}-{len(self.accepted)}"
            content = text_document(1 + len(self.accepted) % 3, title=key)
            # Whether the server died before or after it took the document: the key makes it one.
            self.accepted[key] = await client.upload(content, key=key, owner=self.name)


async def lives_for(waybill: Waybill, seconds: float, people: list[Person]) -> None:
    async with client_of(waybill) as client:
        at_work = [asyncio.create_task(person.uploads(client)) for person in people]
        _, working = await asyncio.wait(at_work, timeout=seconds)
        assert working, "nobody could upload anything"
        waybill.kill()
        ended = await asyncio.gather(*at_work, return_exceptions=True)
    for error in ended:
        if not isinstance(error, httpx.TransportError):
            raise AssertionError("an upload ended otherwise than with the server") from error


@under_any_broker
async def test_every_accepted_document_is_processed_once_whenever_the_server_dies(
    tmp_path: Path, transport: dict[str, str]
) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    people = [Person(name) for name in ("ada", "grace", "hedy")[:PEOPLE]]
    with running(tmp_path / "waybill", {**BUDGET, **transport}) as waybill:
        for _ in range(KILLS):
            await lives_for(waybill, chance.uniform(0, LONGEST_LIFE), people)
            waybill.start()

        async with client_of(waybill) as client:
            accepted = {key: one for person in people for key, one in person.accepted.items()}
            assert len(set(accepted.values())) == len(accepted) > 0, f"seed {seed}"
            for document_id in accepted.values():
                await processed_once(waybill, client, document_id)
            listed = await client.http.get("/v1/documents", params={"limit": 500})
            found = {one["id"]: one["status"] for one in listed.json()["documents"]}
            assert set(found) >= set(accepted.values()), f"seed {seed}"
            assert {found[one] for one in accepted.values()} == {"succeeded"}, f"seed {seed}"
