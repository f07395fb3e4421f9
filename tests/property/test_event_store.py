"""Any sequence of appends, reads and reopenings: each store does what a plain list would do."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from events.errors import Conflict
from events.store import Append, Appended, EventStore, Recorded
from tests.fakes import FakeClock
from tests.stores import DURABLE, STORES, append, assert_whole, everything

STREAMS = st.sampled_from("abc")
SIZES = st.integers(1, 3)
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1, 5])
"""How far the expected version is off; mostly it is right."""


class Model:
    """A log in a list: what everybody has to agree with."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, str]] = []

    def version(self, stream: str) -> int:
        return sum(name == stream for name, _, _ in self.events)

    def append(self, wanted: Append) -> bool:
        version = self.version(wanted.stream)
        if version != wanted.expected:
            return False
        for number, event in enumerate(wanted.events, start=version + 1):
            self.events.append((wanted.stream, number, event.event_id))
        return True


def seen(recorded: Sequence[Recorded]) -> list[tuple[str, int, str]]:
    return [(event.stream, event.version, event.event_id) for event in recorded]


class Stores(RuleBasedStateMachine):
    """All stores side by side, and the list."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.model = Model()
        self.clock = FakeClock()
        self.runner = asyncio.Runner()
        self.open: dict[str, AsyncExitStack] = {}
        self.stores: dict[str, EventStore] = {}
        for name in STORES:
            self.runner.run(self._open(name))

    async def _open(self, name: str) -> None:
        self.open[name] = AsyncExitStack()
        store = STORES[name](self.folder, self.clock)
        self.stores[name] = await self.open[name].enter_async_context(store)

    @rule(appends=st.lists(st.tuples(STREAMS, SIZES, OFFSETS), min_size=1, max_size=6))
    def append_at_once(self, appends: list[tuple[str, int, int]]) -> None:
        wanted = [
            append(stream, max(0, self.model.version(stream) + offset), *"x" * size)
            for stream, size, offset in appends
        ]
        outcomes = [self.runner.run(self._append(store, wanted)) for store in self.stores.values()]
        # Appends that are submitted in order are decided in order.
        expected = [self.model.append(one) for one in wanted]
        assert all(outcome == expected for outcome in outcomes)

    async def _append(self, store: EventStore, wanted: Sequence[Append]) -> list[bool]:
        submitted = [store.append(one) for one in wanted]
        outcomes = await asyncio.gather(*submitted, return_exceptions=True)
        assert all(isinstance(one, Appended | Conflict) for one in outcomes)
        return [isinstance(one, Appended) for one in outcomes]

    @rule(seconds=st.floats(-3600, 3600))
    def move_the_clock(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def reopen(self) -> None:
        for name in DURABLE:
            self.runner.run(self.open[name].aclose())
            self.runner.run(self._open(name))

    @rule(after=st.integers(0, 30), limit=st.integers(1, 10))
    def read_a_page(self, after: int, limit: int) -> None:
        for store in self.stores.values():
            page = self.runner.run(store.read_all(after=after, limit=limit))
            assert seen(page) == self.model.events[after : after + limit]

    @rule(stream=STREAMS, after=st.integers(0, 5))
    def read_a_stream(self, stream: str, after: int) -> None:
        mine = [event for event in self.model.events if event[0] == stream]
        for store in self.stores.values():
            assert seen(self.runner.run(store.read_stream(stream, after=after))) == mine[after:]

    @invariant()
    def all_agree(self) -> None:
        for store in getattr(self, "stores", {}).values():
            log = self.runner.run(everything(store))
            assert seen(log) == self.model.events
            assert self.runner.run(store.head()) == len(log)
            assert_whole(log)

    def teardown(self) -> None:
        for stack in getattr(self, "open", {}).values():
            self.runner.run(stack.aclose())
        if hasattr(self, "runner"):
            self.runner.close()
            shutil.rmtree(self.folder)


TestStores = Stores.TestCase
TestStores.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
