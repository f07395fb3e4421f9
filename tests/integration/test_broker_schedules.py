"""When schedules fire, with time in the hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.broker.app import Limits
from tests.brokers import FakeTime, Network, api_client, becomes_true, broker_over, migrated

pytestmark = pytest.mark.anyio

URL = "http://example.com/x"
MINUTE = 60.0


class Scene:
    """A broker whose time and network are the test's."""

    def __init__(self, time: FakeTime, network: Network, http: httpx.AsyncClient) -> None:
        self.time = time
        self.network = network
        self.http = http

    async def schedule(self, cron: str, destination: str = URL, **headers: str) -> str:
        given = {f"Upstash-{name.replace('_', '-')}": value for name, value in headers.items()}
        answer = await self.http.post(
            f"/v2/schedules/{destination}", content=b"tick", headers={"Upstash-Cron": cron, **given}
        )
        assert answer.status_code == 200, answer.text
        await self.time.asleep()
        return str(answer.json()["scheduleId"])

    async def shown(self, schedule_id: str) -> dict[str, object]:
        found: dict[str, object] = (await self.http.get(f"/v2/schedules/{schedule_id}")).json()
        return found

    async def fires_after(self, seconds: float, count: int) -> None:
        """Lets time pass; then so many messages have been sent in all, and no more."""
        await self.time.pass_by(seconds)
        await self.network.sends(count)
        await self.time.asleep()
        assert len(self.network.sent) == count


@asynccontextmanager
async def opened(database: Path, time: FakeTime, network: Network) -> AsyncIterator[Scene]:
    app = broker_over(
        database, clock=time, wait=time.wait, sender=network, limits=Limits(shutdown=1.0)
    )
    async with app.lifespan(), api_client(app) as http:
        await time.asleep()
        yield Scene(time, network, http)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    time = FakeTime()
    async with opened(migrated(tmp_path), time, Network(time)) as scene:
        yield scene


def moment(text: str) -> int:
    """Microseconds since the epoch of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


async def test_a_schedule_fires_at_each_of_its_times(scene: Scene) -> None:
    name = await scene.schedule("*/5 * * * *", Forward_X="1", Method="PUT")

    for count in (1, 2, 3):
        await scene.time.pass_by(4 * MINUTE + 59)
        assert len(scene.network.sent) == count - 1
        await scene.fires_after(1, count)

    sent = scene.network.sent[-1]
    assert (sent.method, sent.url, sent.body) == ("PUT", URL, b"tick")
    assert sent.headers["Upstash-Schedule-Id"] == name
    assert sent.headers["X"] == "1"
    assert len({one.headers["Upstash-Message-Id"] for one in scene.network.sent}) == 3


async def test_a_schedule_tells_its_last_and_its_next_time(scene: Scene) -> None:
    name = await scene.schedule("*/5 * * * *")
    start = scene.time.now // 1000
    before = await scene.shown(name)
    await scene.fires_after(5 * MINUTE, 1)

    after = await scene.shown(name)

    assert before["nextScheduleTime"] == start + 300_000
    assert "lastScheduleTime" not in before
    assert after["lastScheduleTime"] == start + 300_000
    assert after["nextScheduleTime"] == start + 600_000
    message_id = scene.network.sent[0].headers["Upstash-Message-Id"]

    async def told() -> bool:
        return (await scene.shown(name))["lastScheduleStates"] == {message_id: "SUCCESS"}

    await becomes_true(told)


async def test_a_delay_comes_on_top_of_each_trigger(scene: Scene) -> None:
    await scene.schedule("0 * * * *", Delay="30s")

    await scene.time.pass_by(3600)
    assert scene.network.sent == []
    await scene.fires_after(30, 1)


@pytest.mark.parametrize(
    ("eve", "seconds"),
    [
        # 02:30 in Berlin: by winter time, in the gap (right after it), by summer time; in the
        # repeated hour the first time.
        ("2026-03-28T00:00", 90 * MINUTE),
        ("2026-03-29T00:00", 60 * MINUTE),
        ("2026-03-30T00:00", 30 * MINUTE),
        ("2026-10-25T00:00", 30 * MINUTE),
        ("2026-10-26T00:00", 90 * MINUTE),
    ],
)
async def test_a_schedule_keeps_its_hour_when_the_clocks_change(
    tmp_path: Path, eve: str, seconds: float
) -> None:
    time = FakeTime()
    time.now = moment(eve)
    network = Network(time)
    async with opened(migrated(tmp_path), time, network) as scene:
        await scene.schedule("CRON_TZ=Europe/Berlin 30 2 * * *")

        await time.pass_by(seconds - 1)
        assert network.sent == []
        await scene.fires_after(1, 1)
        await time.pass_by(3 * 3600)
        assert len(network.sent) == 1


async def test_after_a_clock_was_set_back_a_star_goes_on_and_a_fixed_time_does_not_come_again(
    scene: Scene,
) -> None:
    # It is midnight in UTC.
    await scene.schedule("*/10 * * * *", "http://example.com/star")
    await scene.schedule("30 0 * * *", "http://example.com/fixed")
    paused = await scene.schedule("*/10 * * * *", "http://example.com/paused")
    await scene.http.post(f"/v2/schedules/{paused}/pause")
    await scene.time.asleep()
    for count in (1, 2, 4):
        await scene.fires_after(10 * MINUTE, count)
    await scene.time.pass_by(5 * MINUTE)

    # From 00:35 to 23:55 of the day before; it is noticed within a minute.
    scene.time.set_clock(ahead=-40 * MINUTE)
    await scene.time.pass_by(MINUTE)

    for count in (5, 6, 7, 8, 9):
        await scene.fires_after((4 if count == 5 else 10) * MINUTE, count)
    sent = [sent.url.rsplit("/", 1)[-1] for sent in scene.network.sent]
    assert (sent.count("star"), sent.count("fixed")) == (8, 1)


async def test_after_a_clock_that_was_days_ahead_was_corrected_every_schedule_begins_anew(
    scene: Scene,
) -> None:
    scene.time.set_clock(ahead=5 * 86_400)
    await scene.time.pass_by(MINUTE)
    schedule_id = await scene.schedule("30 0 * * *")
    await scene.fires_after(29 * MINUTE, 1)

    scene.time.set_clock(ahead=-5 * 86_400)
    await scene.time.pass_by(MINUTE)

    assert (await scene.shown(schedule_id))["nextScheduleTime"] == (
        moment("2025-01-02T00:30") // 1000
    )
    await scene.time.pass_by(86_400 - 2 * MINUTE)
    assert len(scene.network.sent) == 1
    await scene.fires_after(MINUTE, 2)


async def test_a_paused_schedule_skips_its_triggers(scene: Scene) -> None:
    name = await scene.schedule("*/5 * * * *")

    assert (await scene.http.patch(f"/v2/schedules/{name}/pause")).status_code == 200
    assert (await scene.shown(name))["isPaused"] is True
    assert "nextScheduleTime" not in await scene.shown(name)
    await scene.time.pass_by(16 * MINUTE)
    assert scene.network.sent == []

    assert (await scene.http.post(f"/v2/schedules/{name}/resume")).status_code == 200
    assert (await scene.shown(name))["isPaused"] is False
    await scene.time.pass_by(3 * MINUTE)
    assert scene.network.sent == []
    await scene.fires_after(1 * MINUTE, 1)


async def test_triggers_missed_while_the_broker_was_down_are_made_up_for_once(
    tmp_path: Path,
) -> None:
    database, time = migrated(tmp_path), FakeTime()
    first, second = Network(time), Network(time)
    async with opened(database, time, first) as scene:
        await scene.schedule("*/5 * * * *")
        await scene.fires_after(5 * MINUTE, 1)

    time.advance(3 * 3600)
    async with opened(database, time, second) as scene:
        await second.sends(1)
        await scene.fires_after(5 * MINUTE, 2)

    assert (len(first.sent), len(second.sent)) == (1, 2)


async def test_two_brokers_on_one_file_fire_a_trigger_once(tmp_path: Path) -> None:
    database, time = migrated(tmp_path), FakeTime()
    one, other = Network(time), Network(time)
    async with opened(database, time, one) as scene, opened(database, time, other):
        await scene.schedule("*/5 * * * *", Delay="1s")
        time.sleepers = 8
        for _ in range(5):
            await time.pass_by(5 * MINUTE)
        time.sleepers = 4
        log = (await scene.http.get("/v2/events", params={"state": "CREATED"})).json()["events"]

    assert len(log) == 5


async def test_a_replaced_schedule_keeps_nothing_that_is_not_repeated(scene: Scene) -> None:
    await scene.schedule("*/5 * * * *", Schedule_Id="s", Retries="7", Label="old")
    await scene.schedule("*/10 * * * *", Schedule_Id="s")

    shown = await scene.shown("s")

    assert (shown["cron"], shown["retries"]) == ("*/10 * * * *", 3)
    assert "label" not in shown
    await scene.time.pass_by(5 * MINUTE)
    assert scene.network.sent == []
    await scene.fires_after(5 * MINUTE, 1)


async def test_a_deleted_schedule_fires_no_more_but_its_messages_arrive(scene: Scene) -> None:
    name = await scene.schedule("*/5 * * * *", Delay="2m")
    await scene.time.pass_by(5 * MINUTE)

    assert (await scene.http.delete(f"/v2/schedules/{name}")).status_code == 200
    assert (await scene.http.delete(f"/v2/schedules/{name}")).status_code == 404

    await scene.fires_after(2 * MINUTE, 1)
    await scene.time.pass_by(30 * MINUTE)
    assert len(scene.network.sent) == 1


async def test_a_schedule_for_a_group_follows_the_group(scene: Scene) -> None:
    endpoints = [{"url": f"{URL}/1"}, {"url": f"{URL}/2"}]
    await scene.http.post("/v2/topics/g/endpoints", json={"endpoints": endpoints})
    name = await scene.schedule("*/5 * * * *", "g")
    await scene.fires_after(5 * MINUTE, 2)

    await scene.http.delete("/v2/topics/g")
    await scene.time.pass_by(5 * MINUTE)
    shown = await scene.shown(name)
    assert "URL group 'g'" in str(shown["error"])
    assert len(scene.network.sent) == 2

    await scene.http.post("/v2/topics/g/endpoints", json={"endpoints": endpoints[:1]})
    await scene.fires_after(5 * MINUTE, 3)
    assert "error" not in await scene.shown(name)


async def test_a_schedule_may_fill_a_queue(scene: Scene) -> None:
    await scene.schedule("*/5 * * * *", Queue_Name="q")

    await scene.fires_after(5 * MINUTE, 1)

    assert [queue["name"] for queue in (await scene.http.get("/v2/queues")).json()] == ["q"]
    log = (await scene.http.get("/v2/events", params={"queueName": "q"})).json()["events"]
    assert {entry["queueName"] for entry in log} == {"q"}


@pytest.mark.parametrize(
    ("destination", "headers", "named"),
    [
        (URL, {}, "Upstash-Cron"),
        (URL, {"Upstash-Cron": "x"}, "Upstash-Cron"),
        (URL, {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": "a b"}, "Upstash-Schedule-Id"),
        (URL, {"Upstash-Cron": "* * * * *", "Upstash-Queue-Name": "a/b"}, "Upstash-Queue-Name"),
        (URL, {"Upstash-Cron": "* * * * *", "Upstash-Retries": "x"}, "Upstash-Retries"),
        (URL, {"Upstash-Cron": "* * * * *", "Upstash-Not-Before": "1"}, "Upstash-Not-Before"),
        ("nowhere", {"Upstash-Cron": "* * * * *"}, "nowhere"),
        ("ftp://example.com", {"Upstash-Cron": "* * * * *"}, "scheme"),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused_with_the_reason(
    scene: Scene, destination: str, headers: dict[str, str], named: str
) -> None:
    answer = await scene.http.post(f"/v2/schedules/{destination}", headers=headers)

    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/schedules/none"),
        ("DELETE", "/v2/schedules/none"),
        ("PATCH", "/v2/schedules/none/pause"),
        ("PUT", "/v2/schedules/none/resume"),
        ("POST", "/v2/schedules/none/pause"),
        ("PATCH", "/v2/schedules/none/else"),
    ],
)
async def test_a_schedule_that_is_not_there_is_404(scene: Scene, method: str, path: str) -> None:
    answer = await scene.http.request(method, path)

    assert answer.status_code == 404
    assert "none" in answer.json()["error"]
