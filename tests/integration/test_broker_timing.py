"""When the engine sends, with time in the test's hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import jwt
import pytest

from service.broker.app import Limits, Retention
from service.broker.outcome import Answer
from tests.brokers import FakeTime, Network, Sent, api_client, becomes_true, broker_over, migrated

pytestmark = pytest.mark.anyio


class Scene:
    """A broker whose clock stands still, whose network is a script, and a client of its API."""

    def __init__(self, time: FakeTime, network: Network, http: httpx.AsyncClient) -> None:
        self.time = time
        self.network = network
        self.http = http

    async def publish(self, url: str = "http://example.com/x", **headers: str) -> str:
        named = {f"Upstash-{name.replace('_', '-')}": value for name, value in headers.items()}
        answer = await self.http.post(f"/v2/publish/{url}", headers=named, content=b"x")
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["messageId"])

    async def states(self, message_id: str) -> list[str]:
        page = (await self.http.get("/v2/events", params={"messageId": message_id})).json()
        return [entry["state"] for entry in reversed(page["events"])]

    async def sends_after(self, seconds: float, count: int) -> None:
        """Nothing more is sent just before, and `count` in all right after."""
        before = len(self.network.sent)
        await self.time.pass_by(seconds - 0.001)
        assert len(self.network.sent) == before
        await self.time.pass_by(0.001)
        await self.attempted(count)

    async def attempted(self, count: int) -> None:
        """Waits until so many attempts were made and their outcomes are written down."""
        await self.network.sends(count)

        async def recorded() -> bool:
            page = await self.http.get("/v2/events", params={"state": "ERROR,DELIVERED"})
            return len(page.json()["events"]) == count

        await becomes_true(recorded)
        await self.time.asleep()


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


@asynccontextmanager
async def opened(
    database: Path,
    time: FakeTime,
    network: Network,
    limits: Limits = Limits(shutdown=1.0),  # noqa: B008 - frozen
    retention: Retention = Retention(),  # noqa: B008 - frozen
) -> AsyncIterator[Scene]:
    app = broker_over(
        database,
        clock=time,
        wait=time.wait,
        sender=network,
        limits=limits,
        retention=retention,
    )
    async with app.lifespan(), api_client(app) as http:
        await time.asleep()
        yield Scene(time, network, http)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    time = FakeTime()
    async with opened(migrated(tmp_path), time, Network(time), Limits(shutdown=1.0)) as scene:
        yield scene


async def test_retries_come_after_12_seconds_and_148_and_1808(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    message_id = await scene.publish()
    await scene.attempted(1)

    await scene.sends_after(12, 2)
    await scene.sends_after(148, 3)
    await scene.sends_after(1808, 4)

    assert [sent.headers["Upstash-Retried"] for sent in scene.network.sent] == list("0123")
    assert len({sent.headers["Upstash-Message-Id"] for sent in scene.network.sent}) == 1
    assert (await scene.states(message_id))[-3:] == ["ACTIVE", "ERROR", "FAILED"]


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


async def test_the_publishers_expression_sets_the_pace(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    await scene.publish(Retry_Delay="1000 * (1 + retried)")
    await scene.attempted(1)

    await scene.sends_after(1, 2)
    await scene.sends_after(2, 3)
    await scene.sends_after(3, 4)


async def test_the_destination_sets_the_pace_with_retry_after(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=503, headers=(("Retry-After", "33"),))
    message_id = await scene.publish(Retry_Delay="1000")
    await scene.attempted(1)

    await scene.sends_after(33, 2)

    page = (await scene.http.get("/v2/events", params={"messageId": message_id})).json()
    retry = next(entry for entry in page["events"] if entry["state"] == "RETRY")
    assert retry["nextDeliveryTime"] - retry["time"] == 33_000


async def test_a_delay_holds_the_first_attempt_back(scene: Scene) -> None:
    await scene.publish(Delay="1h")

    await scene.sends_after(3600, 1)


async def test_a_moment_beats_a_delay(scene: Scene) -> None:
    seconds = scene.time.now // 1_000_000

    await scene.publish(Delay="1h", Not_Before=str(seconds + 60))

    await scene.sends_after(60, 1)


async def test_a_moment_in_the_past_means_at_once(scene: Scene) -> None:
    await scene.publish(Not_Before="1000")

    await scene.attempted(1)


async def test_messages_due_at_different_times_each_have_theirs(scene: Scene) -> None:
    for seconds in (300, 20, 100):
        await scene.publish(f"http://example.com/{seconds}", Delay=f"{seconds}s")

    await scene.sends_after(20, 1)
    await scene.sends_after(80, 2)
    await scene.sends_after(200, 3)

    assert [sent.url.rsplit("/")[-1] for sent in scene.network.sent] == ["20", "100", "300"]


async def test_a_deduplication_id_blocks_for_ten_minutes(scene: Scene) -> None:
    first = await scene.publish(Deduplication_Id="a")
    await scene.time.pass_by(599)
    assert await scene.publish(Deduplication_Id="a") == first
    await scene.time.pass_by(1)

    assert await scene.publish(Deduplication_Id="a") != first


async def test_how_long_a_deduplication_id_blocks_can_be_said(tmp_path: Path) -> None:
    time = FakeTime()
    briefly = Retention(deduplication=30)
    async with opened(migrated(tmp_path), time, Network(time), retention=briefly) as scene:
        first = await scene.publish(Deduplication_Id="a")
        equal = await scene.publish("http://example.com/y", Content_Based_Deduplication="true")
        await scene.time.pass_by(29)
        assert await scene.publish(Deduplication_Id="a") == first
        assert (
            await scene.publish("http://example.com/y", Content_Based_Deduplication="true") == equal
        )
        await scene.time.pass_by(1)

        assert await scene.publish(Deduplication_Id="a") != first
        assert (
            await scene.publish("http://example.com/y", Content_Based_Deduplication="true") != equal
        )


async def test_a_clock_that_was_set_forward_is_noticed_within_half_a_minute(scene: Scene) -> None:
    await scene.publish(Delay="1d")
    await scene.time.asleep()

    scene.time.set_clock(ahead=86_400)
    await scene.time.pass_by(30)

    await scene.attempted(1)


async def test_after_a_clock_was_set_back_what_waits_keeps_its_time_and_the_rest_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.network.answers = lambda sent: Answer(status=500 if "retry" in sent.url else 200)
    retried = await scene.publish("http://example.com/retry", Retries="1")
    delayed = await scene.publish("http://example.com/delayed", Delay="10s")
    await scene.attempted(1)

    scene.time.set_clock(ahead=-3600)
    await scene.time.pass_by(5)
    assert "the clock was set back; what waits for a time is late by 3600 s" in caplog.messages
    await scene.publish("http://example.com/new")
    await scene.publish("http://example.com/soon", Delay="20s")
    await scene.attempted(2)
    await scene.sends_after(20, 3)

    # An hour late: when the clock shows their time for the second time.
    await scene.time.pass_by(3560)
    assert len(scene.network.sent) == 3
    await scene.time.pass_by(60)
    await scene.attempted(5)

    sent = [sent.url.rsplit("/", 1)[-1] for sent in scene.network.sent]
    assert sent[:3] == ["retry", "new", "soon"]
    assert sorted(sent[3:]) == ["delayed", "retry"]
    assert (await scene.states(delayed))[-1] == "DELIVERED"
    assert (await scene.states(retried))[-1] == "FAILED"


class HastyTime(FakeTime):
    """Goes on a little at every look, and its timers end a little early, as real ones do."""

    def __call__(self) -> int:
        self.now += 300
        return self.now

    async def wait(self, wake: asyncio.Event, seconds: float) -> None:
        if seconds <= 0.001:
            await asyncio.sleep(0)
        else:
            await super().wait(wake, seconds - 0.001)

    async def ring(self) -> None:
        """Lets time pass until the first timer ends."""
        await self.asleep()
        await self.pass_by((min(self._sleepers.values()) - self.now) / 1_000_000)


async def test_a_message_that_becomes_due_between_two_looks_at_the_clock_is_not_overslept(
    tmp_path: Path,
) -> None:
    time = HastyTime()
    network = Network(time)
    async with opened(migrated(tmp_path), time, network, Limits(shutdown=1.0)) as scene:
        for count in (1, 2, 3):
            published_at = time.now
            await scene.publish(Delay="10s")

            while len(network.sent) < count:
                await time.ring()

            assert network.sent[-1].at - published_at < 10_100_000


async def test_a_message_waiting_for_its_retry_can_be_cancelled(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    message_id = await scene.publish()
    await scene.attempted(1)
    await scene.time.asleep()

    assert (await scene.http.delete(f"/v2/messages/{message_id}")).json() == {"cancelled": 1}
    await scene.time.pass_by(86_400)

    assert len(scene.network.sent) == 1
    assert (await scene.states(message_id))[-2:] == ["CANCEL_REQUESTED", "CANCELED"]


async def test_what_was_waiting_at_the_end_is_delivered_after_the_next_start(
    tmp_path: Path,
) -> None:
    database, time = migrated(tmp_path), FakeTime()
    first, second = Network(time), Network(time)
    async with opened(database, time, first, Limits(shutdown=1.0)) as scene:
        await scene.publish(Delay="1h")

    time.advance(7200)
    async with opened(database, time, second, Limits(shutdown=1.0)):
        await second.sends(1)

    assert first.sent == []


async def test_finished_messages_are_forgotten_in_their_time(scene: Scene) -> None:
    message_id = await scene.publish()
    await scene.attempted(1)
    await scene.time.pass_by(590)
    assert (await scene.http.get(f"/v2/messages/{message_id}")).status_code == 200

    await scene.time.pass_by(300)
    assert (await scene.http.get(f"/v2/messages/{message_id}")).status_code == 404
    entry = (await scene.http.get("/v2/events")).json()["events"][0]
    assert "body" not in entry

    await scene.time.pass_by(4 * 86_400)
    assert (await scene.http.get("/v2/events")).json()["events"] == []


async def test_dead_letters_keep_their_body_for_seven_days(scene: Scene) -> None:
    scene.network.answers = lambda _: Answer(status=500)
    await scene.publish(Retries="0")
    await scene.attempted(1)

    await scene.time.pass_by(6 * 86_400)
    (dead,) = (await scene.http.get("/v2/dlq")).json()["messages"]
    assert dead["body"] == "x"

    await scene.time.pass_by(2 * 86_400)
    assert (await scene.http.get("/v2/dlq")).json()["messages"] == []


async def test_flow_control_keys_that_nobody_uses_are_forgotten_and_pinned_ones_kept(
    scene: Scene,
) -> None:
    held = {"Flow-Control-Value": "parallelism=1"}
    for key in ("used", "pinned", "paused"):
        await scene.publish(**{"Flow-Control-Key": key, **held})
    await scene.publish(**{"Flow-Control-Key": "waits", "Delay": "5d", **held})
    await scene.attempted(3)
    pinned = await scene.http.post("/v2/flowControl/pinned/pin", params={"parallelism": 3})
    paused = await scene.http.post("/v2/flowControl/paused/pause")
    assert (pinned.status_code, paused.status_code) == (200, 200)

    await scene.time.pass_by(4 * 86_400)

    left = (await scene.http.get("/v2/flowControl")).json()
    assert [key["flowControlKey"] for key in left] == ["paused", "pinned", "waits"]
