"""What is personal is sealed before it is stored, and opened for whoever reads."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.document.facts import CancelRequested
from events.memory import MemoryEventStore
from events.sql import open_event_store
from events.sqlite import open_sqlite
from events.store import NewEvent, Recorded
from events.verify import Verifier
from migrations import upgrade
from tests.fakes import FakeClock
from tests.stores import Log, append, everything_stored, said

pytestmark = pytest.mark.anyio


class Backwards:
    """Seals a reason by turning it round."""

    async def seal(self, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        return [replace(one, fact=_turned(one.fact)) for one in events]

    async def open(self, recorded: Sequence[Recorded]) -> list[Recorded]:
        return [replace(one, fact=_turned(one.fact)) for one in recorded]


def _turned(fact: object) -> CancelRequested:
    assert isinstance(fact, CancelRequested)
    return replace(fact, reason=fact.reason[::-1])


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    if request.param == "memory":
        yield MemoryEventStore(clock, privacy=Backwards())
        return
    upgrade("log", tmp_path / "log.db")
    async with (
        open_sqlite(tmp_path / "log.db", durability="full") as database,
        open_event_store(
            database, clock=clock, new_epoch=lambda: "e", privacy=Backwards()
        ) as store,
    ):
        yield store


async def test_what_is_stored_is_sealed_and_what_is_read_is_open(store: Log) -> None:
    wanted = append("a", 0, "secret")
    appended = await store.append(wanted)
    again = await store.append(wanted)

    [stored] = await everything_stored(store)
    assert b"terces" in stored.data
    assert b"secret" not in stored.data
    assert Verifier().check([stored]) is None
    assert again.repeated
    for recorded in (
        appended.recorded,
        again.recorded,
        await store.read_all(after=0),
        await store.read_stream("a"),
    ):
        assert said(recorded) == ["secret"]
