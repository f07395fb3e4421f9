"""Personal fields in a log: stored sealed, read open, and once they are erased not at all."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from events.codec import decode
from events.document.facts import (
    CancelRequested,
    DeadLettered,
    DocumentErased,
    DocumentEvent,
    DocumentRegistered,
    Enqueued,
    ProcessingFailed,
)
from events.document.personal import PERSONAL, personal
from events.errors import InvalidEvent
from events.keys import Keys
from events.sealing import Sealing
from events.sql import SqlEventStore, open_event_store
from events.sqlite import open_sqlite
from events.store import Append, NewEvent, Recorded, Unreadable, document_stream
from events.verify import Verifier
from migrations import upgrade
from service.clock import new_id
from tests.fakes import FakeClock
from tests.golden.samples import DOCUMENT, SAMPLES
from tests.stores import everything
from tests.vaults import sqlite_vault

OTHER = "doc_of_somebody_else"
LIFE: list[DocumentEvent] = [
    SAMPLES[DocumentRegistered],
    SAMPLES[Enqueued],
    SAMPLES[ProcessingFailed],
    SAMPLES[DeadLettered],
    SAMPLES[CancelRequested],
]

pytestmark = pytest.mark.anyio


class World:
    """A log whose personal fields are sealed."""

    def __init__(self, store: SqlEventStore, sealing: Sealing, file: Path) -> None:
        self.store = store
        self.sealing = sealing
        self.file = file

    async def tell(self, *facts: DocumentEvent, expected: int = 0) -> list[Recorded]:
        """Append these facts of one document at once."""
        events = [
            NewEvent(event_id=new_id(), fact=fact, occurred_at=1, correlation_id="c")
            for fact in facts
        ]
        stream = document_stream(facts[0].document_id)
        done = await self.store.append(Append(stream=stream, expected=expected, events=events))
        return list(done.recorded)

    async def read(self) -> list[DocumentEvent | Unreadable]:
        """The whole log, from the file."""
        self.store.forget_recent()
        return [event.fact for event in await everything(self.store)]

    async def stored(self) -> list[DocumentEvent]:
        """The whole log as it is stored."""
        rows = await self.store.read_stored(after=0)
        return [decode(row.type, row.schema_version, row.data) for row in rows]


@asynccontextmanager
async def opened(folder: Path, clock: FakeClock, *, sealed: bool = True) -> AsyncIterator[World]:
    upgrade("log", folder / "log.db")
    async with (
        sqlite_vault(folder) as vault,
        open_sqlite(folder / "log.db", durability="full") as database,
    ):
        sealing = Sealing(Keys(vault, clock=clock, chance=os.urandom), chance=os.urandom)
        async with open_event_store(
            database,
            clock=clock,
            new_epoch=lambda: new_id()[-8:],
            privacy=sealing if sealed else None,
        ) as store:
            sealing.when_erased(store.forget_recent)
            yield World(store, sealing, folder / "log.db")


@pytest.fixture
async def world(tmp_path: Path, clock: FakeClock) -> AsyncIterator[World]:
    async with opened(tmp_path, clock) as world:
        yield world


async def test_what_was_told_is_read_and_not_stored(world: World) -> None:
    recorded = await world.tell(*LIFE)

    assert [event.fact for event in recorded] == LIFE
    assert await world.read() == LIFE
    for told, stored in zip(LIFE, await world.stored(), strict=True):
        for name, text in personal(told).items():
            sealed = getattr(stored, name)
            assert sealed.startswith("sealed.v1.")
            assert text not in sealed
        assert replace(stored, **personal(told)) == told


async def test_another_process_reads_it_too(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as world:
        await world.tell(*LIFE)

    async with opened(tmp_path, clock) as world:
        assert await world.read() == LIFE


async def test_one_append_uses_one_key_and_the_next_another(world: World) -> None:
    await world.tell(*LIFE)
    await world.tell(SAMPLES[CancelRequested], expected=len(LIFE))

    numbers = [
        {getattr(fact, name).split(".")[2] for name in personal(fact)}
        for fact in await world.stored()
        if personal(fact)
    ]

    assert numbers[0] == numbers[1] == numbers[3]
    assert len(numbers[0]) == 1
    assert numbers[-1] != numbers[0]


async def test_once_the_keys_are_destroyed_it_reads_erased_and_the_log_is_whole(
    world: World,
) -> None:
    await world.tell(*LIFE, SAMPLES[DocumentErased])
    others = [replace(fact, document_id=OTHER) for fact in LIFE]
    await world.tell(*others)
    stored = await world.stored()

    destroyed = await world.sealing.destroy(stored[: len(LIFE) + 1])

    erased = [replace(fact, **dict.fromkeys(personal(fact), "erased")) for fact in LIFE]
    assert destroyed == 1
    assert (await world.read())[: len(LIFE)] == erased
    assert (await world.read())[-len(others) :] == others
    assert await world.sealing.destroy(stored[: len(LIFE) + 1]) == 0
    assert Verifier().check(await world.store.read_stored(after=0)) is None


async def test_the_record_of_an_erasure_keeps_its_key(world: World) -> None:
    await world.tell(*LIFE)
    await world.tell(SAMPLES[DocumentErased], expected=len(LIFE))

    await world.sealing.destroy(await world.stored())

    assert (await world.read())[-1] == SAMPLES[DocumentErased]


async def test_a_log_from_before_is_read_as_it_is(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock, sealed=False) as world:
        await world.tell(*LIFE)

    async with opened(tmp_path, clock) as world:
        await world.tell(SAMPLES[CancelRequested], expected=len(LIFE))
        assert await world.read() == [*LIFE, SAMPLES[CancelRequested]]


async def test_a_sealed_text_opens_nowhere_else(tmp_path: Path, clock: FakeClock) -> None:
    async with opened(tmp_path, clock) as world:
        await world.tell(*LIFE)
        [registered, *_] = await world.stored()
    assert isinstance(registered, DocumentRegistered)
    swapped = replace(registered, name=registered.owner, owner=registered.name)
    moved = replace(registered, document_id=OTHER)

    async with opened(tmp_path / "", clock, sealed=False) as world:
        await world.tell(swapped, expected=len(LIFE))
        await world.tell(moved)

    async with opened(tmp_path, clock) as world:
        facts = (await world.read())[len(LIFE) :]
        assert [isinstance(fact, Unreadable) for fact in facts] == [True, True]
        assert isinstance(facts[0], Unreadable)
        assert "'name'" in facts[0].why


async def test_a_name_that_looks_sealed_is_a_name_and_destroys_no_key(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with opened(tmp_path, clock) as world:
        await world.tell(*LIFE)
        [victim, *_] = await world.stored()
        assert isinstance(victim, DocumentRegistered)
        looks = replace(SAMPLES[DocumentRegistered], document_id=OTHER, name=victim.name)
        await world.tell(looks)
        assert (await world.read())[-1] == looks

        plain = msgspec.structs.replace(looks, document_id="from_before")
        assert await world.sealing.destroy([plain]) == 0
        assert (await world.read())[: len(LIFE)] == LIFE


@pytest.mark.parametrize("text", ["sealed.v1.", "sealed.v1.zz.AAAA", "sealed.v1.1.%", "sealed.v1"])
async def test_what_only_looks_sealed_is_read_as_it_is(
    tmp_path: Path, clock: FakeClock, text: str
) -> None:
    told = replace(SAMPLES[DocumentRegistered], name=text)
    async with opened(tmp_path, clock, sealed=False) as world:
        await world.tell(told)

    async with opened(tmp_path, clock) as world:
        assert await world.read() == [told]


async def test_half_a_character_is_refused(world: World) -> None:
    with pytest.raises(InvalidEvent, match="text"):
        await world.tell(replace(SAMPLES[DocumentRegistered], name="\ud800"))


async def test_no_field_is_found_in_the_file(world: World) -> None:
    await world.tell(*[fact for fact in SAMPLES.values() if personal(fact)])

    with closing(sqlite3.connect(world.file)) as connection:
        rows = connection.execute("SELECT data FROM events").fetchall()

    everything_stored = "".join(row[0] for row in rows)
    for fact in SAMPLES.values():
        for text in personal(fact).values():
            assert msgspec.json.encode(text).decode() not in everything_stored
    assert {type(fact) for fact in SAMPLES.values() if personal(fact)} == set(PERSONAL)
    assert DOCUMENT in everything_stored
