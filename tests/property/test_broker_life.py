"""A message's life under random publishing, answers, cancelling, waiting and restarts."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from service.broker.app import Limits
from service.broker.message import FINAL, State, legal
from service.broker.outcome import Answer, NoAnswer
from tests.brokers import FakeTime, Network, Sent, api_client, becomes_true, broker_over, migrated

Result = TypeVar("Result")

ANSWERS: dict[str, Answer | NoAnswer] = {
    "takes it": Answer(status=200),
    "fails": Answer(status=500),
    "is away": NoAnswer(reason="nobody there"),
    "asks for patience": Answer(status=503, headers=(("Retry-After", "90"),)),
    "refuses for good": Answer(status=489, headers=(("Upstash-NonRetryable-Error", "true"),)),
}
RATED, RATE, PERIOD = "rated", 2, 60
LANES = ("queues/p", "queues/q", "flowControl/a", f"flowControl/{RATED}")
LONG_ENOUGH = (12, 90, 148, 148, 1808, 1808, 22_026, 86_400)


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a message waits for, besides its time."""

    key: str | None
    queue: str | None


class Life(RuleBasedStateMachine):
    """The broker with its time and its network in our hand."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = migrated(self.folder)
        self.runner = asyncio.Runner()
        self.time = FakeTime()
        self.network = Network(self.time)
        self.answer = "takes it"
        self.network.answers = self._answered
        self.published: dict[str, Published] = {}
        self._start()

    def _answered(self, _: Sent) -> Answer | NoAnswer:
        return ANSWERS[self.answer]

    def _run(self, coroutine: Awaitable[Result]) -> Result:
        async def run() -> Result:
            return await coroutine

        return self.runner.run(run())

    def _start(self) -> None:
        async def session(ready: asyncio.Event, stop: asyncio.Event) -> None:
            app = broker_over(
                self.database,
                clock=self.time,
                wait=self.time.wait,
                sender=self.network,
                limits=Limits(concurrency=2, shutdown=1.0),
            )
            async with app.lifespan(), api_client(app) as self.http:
                ready.set()
                await stop.wait()

        async def start() -> None:
            ready, self.stop = asyncio.Event(), asyncio.Event()
            self.session = asyncio.create_task(session(ready, self.stop))
            await ready.wait()

        self._run(start())
        self._settle()

    def _end(self) -> None:
        async def end() -> None:
            self.stop.set()
            await self.session

        self._run(end())

    async def _log(self) -> dict[str, list[State]]:
        page = (await self.http.get("/v2/events")).json()
        states: dict[str, list[State]] = {}
        for entry in reversed(page["events"]):
            states.setdefault(entry["messageId"], []).append(State(entry["state"]))
        return states

    def _settle(self) -> None:
        """Waits until every attempt that was sent is written down and nothing is under way."""

        async def quiet() -> bool:
            log = await self._log()
            written = sum(states.count(State.ACTIVE) for states in log.values())
            return written == len(self.network.sent) and self.network.under_way == 0

        async def wait() -> None:
            # Messages for a busy key, or of a full window, start when others have ended.
            for _ in range(3):
                await becomes_true(quiet)
                await self.time.asleep()

        self._run(wait())

    @rule(
        delay=st.sampled_from([0, 60]),
        retries=st.integers(0, 2),
        key=st.sampled_from([None, "a", "b", RATED]),
        queue=st.sampled_from([None, None, "p", "q"]),
    )
    def publish(self, delay: int, retries: int, key: str | None, queue: str | None) -> None:
        headers = {"Upstash-Delay": f"{delay}s", "Upstash-Retries": str(retries)}
        if key is not None:
            headers["Upstash-Flow-Control-Key"] = key
            rate = f", rate={RATE}, period={PERIOD}" if key == RATED else ""
            headers["Upstash-Flow-Control-Value"] = f"parallelism=1{rate}"
        verb = "publish" if queue is None else f"enqueue/{queue}"
        url = f"/v2/{verb}/http://example.com/x"
        answer = self._run(self.http.post(url, headers=headers, content=b"x"))
        self.published[answer.json()["messageId"]] = Published(key=key, queue=queue)
        self._settle()

    @rule(lane=st.sampled_from(LANES), paused=st.booleans())
    def pause(self, lane: str, paused: bool) -> None:
        verb = "pause" if paused else "resume"
        answer: httpx.Response = self._run(self.http.post(f"/v2/{lane}/{verb}"))
        assert answer.status_code in (200, 404), answer.text
        self._settle()

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def the_destination(self, answer: str) -> None:
        self.answer = answer

    @rule(seconds=st.sampled_from([1, 12, 60, 148, 2000]))
    def time_passes(self, seconds: int) -> None:
        self._run(self.time.pass_by(seconds))
        self._settle()

    @rule(number=st.integers(0, 50))
    def cancel(self, number: int) -> None:
        if not self.published:
            return
        message_id = list(self.published)[number % len(self.published)]
        answer: httpx.Response = self._run(self.http.delete(f"/v2/messages/{message_id}"))
        ended = self._run(self._log())[message_id][-1] in FINAL
        assert answer.status_code in (200, 404)
        assert ended, "a message that waits is cancelled at once; others had ended before"

    @rule()
    def restart(self) -> None:
        self._end()
        self._start()

    @invariant()
    def every_log_is_legal_and_every_failure_is_a_dead_letter(self) -> None:
        if not hasattr(self, "http"):
            return
        log = self._run(self._log())
        assert set(log) == set(self.published)
        assert all(legal(states) for states in log.values()), log
        dead = self._run(self.http.get("/v2/dlq")).json()["messages"]
        failed = {name for name, states in log.items() if states[-1] is State.FAILED}
        assert {message["messageId"] for message in dead} == failed

    def _attempts(self) -> list[tuple[Sent, Published]]:
        return [
            (sent, self.published[sent.headers["Upstash-Message-Id"]]) for sent in self.network.sent
        ]

    @invariant()
    def queues_send_one_after_the_other(self) -> None:
        if not hasattr(self, "http"):
            return
        order = {name: number for number, name in enumerate(self.published)}
        for queue in ("p", "q"):
            sent = [
                order[sent.headers["Upstash-Message-Id"]]
                for sent, published in self._attempts()
                if published.queue == queue
            ]
            assert sent == sorted(sent)

    @invariant()
    def no_period_has_more_attempts_than_its_rate(self) -> None:
        if not hasattr(self, "http"):
            return
        began, count = 0, 0
        for sent, published in self._attempts():
            if published.key != RATED:
                continue
            if sent.at >= began + PERIOD * 1_000_000:
                began, count = sent.at, 0
            count += 1
            assert count <= RATE

    def teardown(self) -> None:
        if not hasattr(self, "http"):
            return
        self.answer = "takes it"
        for lane in LANES:
            self.pause(lane, False)
        for seconds in (*LONG_ENOUGH, *[PERIOD] * (len(self.published) // RATE)):
            self.time_passes(seconds)
        log = self._run(self._log())
        unfinished = {name: states for name, states in log.items() if states[-1] not in FINAL}
        self._end()
        self.runner.close()
        shutil.rmtree(self.folder)
        assert unfinished == {}


Life.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase
