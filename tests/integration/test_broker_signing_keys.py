"""Which key a delivery is signed with when the keys are rotated."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest

from service.broker.outcome import Answer
from tests.brokers import Sent
from tests.integration.broker_timing import Scene, standing

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with standing(tmp_path) as scene:
        yield scene


async def test_each_attempt_is_signed_with_the_key_that_is_current_when_it_is_sent(
    scene: Scene,
) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    first = (await scene.http.get("/v2/keys")).json()["current"]
    await scene.publish()
    await scene.attempted(1)

    second = (await scene.http.post("/v2/keys/rotate")).json()["current"]
    await scene.sends_after(12, 2)

    assert first != second
    assert [signed_with(sent, first, second) for sent in scene.network.sent] == [first, second]


async def test_a_rotation_does_not_touch_a_delivery_that_is_under_way(scene: Scene) -> None:
    scene.network.gate = asyncio.Event()
    before = (await scene.http.get("/v2/keys")).json()
    for number in range(3):
        await scene.publish(f"http://example.com/{number}")
    await scene.network.sends(3)

    after = (await scene.http.post("/v2/keys/rotate")).json()
    scene.network.gate.set()
    await scene.publish("http://example.com/3")
    await scene.attempted(4)

    assert after["current"] == before["next"]
    # A receiver that knew both keys before the rotation accepts all of them.
    signers = [signed_with(s, before["current"], before["next"]) for s in scene.network.sent]
    assert signers == [before["current"]] * 3 + [before["next"]]
    done = (await scene.http.get("/v2/events", params={"state": "DELIVERED"})).json()
    assert len(done["events"]) == 4


def signed_with(sent: Sent, *keys: str) -> str:
    """The one of these keys that a delivery is signed with."""
    return next(key for key in keys if accepts(key, sent))


def accepts(key: str, sent: Sent) -> bool:
    # Its times are the test's, not ours: only the signature is asked about.
    try:
        jwt.decode(
            sent.headers["Upstash-Signature"],
            key,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidSignatureError:
        return False
    return True
