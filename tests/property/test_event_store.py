"""Any sequence of appends, repetitions, reads and reopenings: each store does what a list would.

All examples write to one log of each kind, with streams of their own, so that an example costs its
steps and not a new database.
"""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from events.chain import GENESIS
from events.errors import Conflict, CorruptedIdempotency
from events.heads import Head
from events.store import ANY, Append, Appended, EventStore, Recorded
from events.verify import Verifier
from tests.fakes import FakeClock
from tests.faults.sizes import size
from tests.stores import DURABLE, STORES, Log, append

STREAMS = st.sampled_from("abc")
SIZES = st.integers(1, 3)
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1, 5])
"""How far the expected version is off; mostly it is right."""
CHANGES = st.sampled_from(["none", "none", "shorter", "other end", "other start", "longer"])

Outcome = tuple[int, int, int, bool] | str
Seen = tuple[str, int, str]


class Model:
    """A log in a list: what everybody has to agree with. Positions count from where it began."""

    def __init__(self) -> None:
        self.events: list[Seen] = []
        self.appends: list[Append] = []

    def stream(self, name: str) -> list[tuple[int, str]]:
        """Position and event id of the stream's events."""
        return [(at, event[2]) for at, event in enumerate(self.events, 1) if event[0] == name]

    def append(self, wanted: Append) -> Outcome:
        mine = self.stream(wanted.stream)
        ids = [event.event_id for event in wanted.events]
        if wanted.expected in (len(mine), ANY):
            first = len(self.events) + 1
            for version, event_id in enumerate(ids, len(mine) + 1):
                self.events.append((wanted.stream, version, event_id))
            self.appends.append(wanted)
            return first, len(self.events), len(mine) + len(ids), False
        there = mine[wanted.expected : wanted.expected + len(ids)]
        if not there or there[0][1] != ids[0]:
            return "Conflict"
        if [event_id for _, event_id in there] != ids:
            return "CorruptedIdempotency"
        return there[0][0], there[-1][0], wanted.expected + len(ids), True


class Logs:
    """The open logs that all examples write to."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.open: dict[str, AsyncExitStack] = {}
        self.stores: dict[str, Log] = {}
        self.examples = itertools.count()
        for name in STORES:
            self.runner.run(self._open(name))

    async def _open(self, name: str) -> None:
        self.open[name] = AsyncExitStack()
        store = STORES[name](self.folder, self.clock)
        self.stores[name] = await self.open[name].enter_async_context(store)

    def reopen(self, name: str) -> None:
        self.runner.run(self.open[name].aclose())
        self.runner.run(self._open(name))

    def close(self) -> None:
        for stack in self.open.values():
            self.runner.run(stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)


logs: Logs


class Stores(RuleBasedStateMachine):
    """All stores side by side, and the list."""

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.prefix = f"{next(logs.examples)}-"
        self.base = logs.runner.run(logs.stores["memory"].head())

    @rule(appends=st.lists(st.tuples(STREAMS, SIZES, OFFSETS), min_size=1, max_size=6))
    def append_at_once(self, appends: list[tuple[str, int, int]]) -> None:
        self._compare(
            [
                append(name, max(0, self._version(name) + offset), *"x" * count)
                for name, count, offset in [(self.prefix + s, c, o) for s, c, o in appends]
            ]
        )

    @rule(which=st.integers(0, 1000), change=CHANGES, times=st.integers(1, 3))
    def append_again(self, which: int, change: str, times: int) -> None:
        if not self.model.appends:
            return
        before = self.model.appends[which % len(self.model.appends)]
        fresh = append(before.stream, 0, "x").events
        events = {
            "none": before.events,
            "shorter": before.events[:1],
            "other end": [*before.events[:-1], *fresh],
            "other start": [*fresh, *before.events[1:]],
            "longer": [*before.events, *fresh],
        }[change]
        self._compare([replace(before, events=events)] * times)

    @rule(count=SIZES)
    def book(self, count: int) -> None:
        self._compare([append(f"{self.prefix}usage", ANY, *"x" * count)])

    @rule(seconds=st.floats(-3600, 3600))
    def move_the_clock(self, seconds: float) -> None:
        logs.clock.advance(seconds)

    @rule(name=st.sampled_from(sorted(DURABLE)), really=st.integers(0, 3))
    def reopen(self, name: str, really: int) -> None:
        if really == 0:  # it takes its time
            logs.reopen(name)

    @rule(after=st.integers(0, 30), limit=st.integers(1, 10))
    def read_a_page(self, after: int, limit: int) -> None:
        after = min(after, len(self.model.events))
        for store in logs.stores.values():
            page = logs.runner.run(store.read_all(after=self.base + after, limit=limit))
            assert seen(page) == self.model.events[after : after + limit]

    @rule(stream=STREAMS, after=st.integers(0, 5))
    def read_a_stream(self, stream: str, after: int) -> None:
        stream = self.prefix + stream
        mine = [event for event in self.model.events if event[0] == stream]
        for store in logs.stores.values():
            assert seen(logs.runner.run(store.read_stream(stream, after=after))) == mine[after:]

    def _version(self, name: str) -> int:
        return len(self.model.stream(name))

    def _compare(self, wanted: Sequence[Append]) -> None:
        # Appends that are submitted in order are decided in order.
        expected = [self.model.append(one) for one in wanted]
        for name, store in logs.stores.items():
            assert (name, logs.runner.run(self._append(store, wanted))) == (name, expected)

    async def _append(self, store: EventStore, wanted: Sequence[Append]) -> list[Outcome]:
        submitted = [store.append(one) for one in wanted]
        return [
            self._outcome(one) for one in await asyncio.gather(*submitted, return_exceptions=True)
        ]

    def _outcome(self, one: Appended | BaseException) -> Outcome:
        if isinstance(one, Appended):
            return one.first - self.base, one.last - self.base, one.version, one.repeated
        assert isinstance(one, Conflict | CorruptedIdempotency)
        return type(one).__name__

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for store in logs.stores.values():
            logs.runner.run(self._all_agree(store))

    async def _all_agree(self, store: EventStore) -> None:
        assert await store.head() == self.base + len(self.model.events)
        run = await store.read_stored(after=max(self.base - 1, 0), limit=10_000)
        log = await store.read_all(after=self.base, limit=10_000)
        assert seen(log) == self.model.events
        start = Head(0, 0, GENESIS)
        if self.base:
            before, *run = run
            start = Head(before.position, before.recorded_at, before.chain)
        assert Verifier(start, {}).check(run) is None


def seen(recorded: Sequence[Recorded]) -> list[Seen]:
    return [(event.stream, event.version, event.event_id) for event in recorded]


class TestStores(Stores.TestCase):  # type: ignore[misc,valid-type] # hypothesis makes it
    @classmethod
    def setUpClass(cls) -> None:
        global logs
        logs = Logs()

    @classmethod
    def tearDownClass(cls) -> None:
        logs.close()


TestStores.settings = settings(
    max_examples=size(200, 5000),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
