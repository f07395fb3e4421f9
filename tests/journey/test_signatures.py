"""Nobody starts work without a valid signature, and nobody without one leaves a trace."""

import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import jwt
import pytest

from tests.journey.misbehaving import under_any_broker
from tests.journey.product import Client, Waybill, client_of, running
from tests.journey.witness import processed_once
from tests.signing import claims_for, signed, tampered

pytestmark = pytest.mark.anyio

PROCESS = "/v1/qstash/process"


class Forge:
    """Has the real key, so that each forgery is wrong in one thing only."""

    def __init__(self, waybill: Waybill, key: str, body: bytes) -> None:
        self.key = key
        self.body = body
        self.url = waybill.url + PROCESS
        self.claims = claims_for(self.url, body)

    def signature(self, key: str | None = None, **changes: object) -> str:
        return signed({**self.claims, **changes}, key or self.key)


@pytest.fixture
async def forge(house: Waybill, waiting: str) -> Forge:
    async with house.qstash() as qstash:
        keys = await qstash.signing_key.get()
    body = json.dumps({"document_id": waiting, "run": 1}).encode()
    return Forge(house, keys.current, body)


@pytest.fixture
async def waiting(client: Client) -> AsyncIterator[str]:
    """A document that any accepted delivery would start again or be noted at."""
    document_id = await client.script(failing_runs=[1])
    await client.ends(document_id)
    await client.event(document_id, "transport_observed", kind="failure_callback")
    yield document_id


Forgery = Callable[[Forge], tuple[str | None, bytes]]

FORGERIES: dict[str, Forgery] = {
    "missing": lambda f: (None, f.body),
    "not a token": lambda f: ("nonsense", f.body),
    "another key": lambda f: (f.signature(key="sig_" + "x" * 40), f.body),
    "expired": lambda f: (f.signature(exp=int(time.time()) - 31), f.body),
    "from the future": lambda f: (f.signature(nbf=int(time.time()) + 90), f.body),
    "for a foreign URL": lambda f: (f.signature(sub="https://example.com" + PROCESS), f.body),
    "for another path": lambda f: (f.signature(sub=f.url + "/"), f.body),
    "by somebody else": lambda f: (f.signature(iss="Downstash"), f.body),
    "with another body": lambda f: (f.signature(), f.body.replace(b'"run": 1', b'"run": 2')),
    "with a space more": lambda f: (f.signature(), f.body + b" "),
    "with a letter changed": lambda f: (tampered(f.signature()), f.body),
    "without an algorithm": lambda f: (jwt.encode(f.claims, "", algorithm="none"), f.body),
}


async def post(client: Client, signature: str | None, body: bytes) -> int:
    headers = {"Upstash-Message-Id": "msg_forged", "Content-Type": "application/json"}
    if signature is not None:
        headers["Upstash-Signature"] = signature
    answer = await client.http.post(PROCESS, content=body, headers=headers)
    return answer.status_code


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_delivery_without_a_valid_signature_is_refused_and_leaves_no_trace(
    client: Client, waiting: str, forge: Forge, forgery: str
) -> None:
    before = await client.history(waiting)
    signature, body = FORGERIES[forgery](forge)

    status = await post(client, signature, body)

    assert status == 401
    assert await client.history(waiting) == before


async def test_the_same_request_with_its_right_signature_is_let_in(
    client: Client, house: Waybill, waiting: str, forge: Forge
) -> None:
    assert await post(client, forge.signature(), forge.body) == 200

    await processed_once(house, client, waiting)


async def test_a_refusal_is_logged_with_its_reason(house: Waybill, client: Client) -> None:
    await post(client, None, b"{}")

    refusals = [one for one in house.said() if one.get("reason") == "missing"]
    assert refusals[-1]["path"] == PROCESS


@under_any_broker
async def test_deliveries_are_accepted_across_rotations_of_the_keys(
    tmp_path: Path, transport: dict[str, str]
) -> None:
    with running(tmp_path / "rotated", transport) as waybill:
        async with client_of(waybill) as client, waybill.qstash() as qstash:
            for rotations in (1, 2):
                for _ in range(rotations):
                    await qstash.signing_key.rotate()
                document_id = await client.script(salt=f"after {rotations}")
                await processed_once(waybill, client, document_id)
