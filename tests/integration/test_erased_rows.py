"""What is erased is in no file of the tables either, whichever of them had it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.document.facts import DocumentErased, DocumentEvent, DocumentRegistered
from events.memory import MemoryEventStore
from events.store import Append, NewEvent, document_stream
from projections.documents import NAME as DOCUMENTS
from projections.erasing import forget
from service.clock import new_id
from tests.facts import life
from tests.fakes import FakeClock
from tests.projecting import Projected, projected
from tests.unit.document.builders import an

HELD = "flamingosnorkel"
MANY = 60

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(clock: FakeClock) -> MemoryEventStore:
    return MemoryEventStore(clock)


async def tell(store: MemoryEventStore, facts: list[DocumentEvent]) -> int:
    """Append these facts of one document at once; the position reached."""
    stream = document_stream(facts[0].document_id)
    version = len(await store.read_stream(stream))
    events = [
        NewEvent(event_id=new_id(), fact=fact, occurred_at=0, correlation_id="c") for fact in facts
    ]
    return (await store.append(Append(stream=stream, expected=version, events=events))).last


def a_life(document_id: str, name: str) -> list[DocumentEvent]:
    return [
        replace(fact, name=name, owner=name) if isinstance(fact, DocumentRegistered) else fact
        for fact in life(document_id)
    ]


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("read.db*"))


async def told(world: Projected, store: MemoryEventStore) -> list[str]:
    """Many documents in the tables, every third of which holds something; the ids of those."""
    ids = [f"d{number}" for number in range(MANY)]
    for number, document_id in enumerate(ids):
        await tell(store, a_life(document_id, f"{HELD}{number}." if number % 3 == 0 else "kept"))
    await world.caught_up()
    return ids[::3]


async def test_nothing_of_it_is_left_in_the_files(tmp_path: Path, store: MemoryEventStore) -> None:
    async with projected(tmp_path, store) as world:
        ids = await told(world, store)
        assert HELD.encode() in stored(tmp_path)
        for document_id in ids:
            position = await tell(store, [an(DocumentErased, document_id=document_id)])

        assert await forget(world.database, ids, position=position)

        assert HELD.encode() not in stored(tmp_path)
        assert b"kept" in stored(tmp_path)


async def test_tables_that_were_replaced_are_dropped_at_once(
    tmp_path: Path, store: MemoryEventStore
) -> None:
    async with projected(tmp_path, store) as world:
        ids = await told(world, store)
        builder = world.runners[DOCUMENTS].builder
        switched = builder.switched.head
        await builder.request()
        while builder.switched.head == switched:
            await builder.switched.wait_beyond(switched)
        for document_id in ids:
            position = await tell(store, [an(DocumentErased, document_id=document_id)])

        assert await forget(world.database, ids, position=position)

        assert HELD.encode() not in stored(tmp_path)
        assert await world.lookups.document(ids[0]) is not None
        with closing(sqlite3.connect(tmp_path / "read.db")) as connection:
            states = connection.execute("SELECT state FROM projection_builds").fetchall()
        assert {state for (state,) in states} == {"live"}


async def test_a_row_that_was_set_aside_is_removed(tmp_path: Path, store: MemoryEventStore) -> None:
    async with projected(tmp_path, store) as world:
        [document_id, *_] = await told(world, store)
        aside = world.runners[DOCUMENTS]
        with closing(sqlite3.connect(tmp_path / "read.db", isolation_level=None)) as connection:
            connection.execute(
                "INSERT INTO projection_quarantine SELECT name, version, build, ?, 1, 'broken' "
                "FROM projection_builds WHERE name = 'documents'",
                [document_id],
            )
        position = await world.caught_up()

        assert await forget(world.database, [document_id], position=position)

        assert f"{HELD}0.".encode() not in stored(tmp_path)
        assert aside.position >= position


async def test_tables_that_are_not_so_far_yet_are_waited_for(
    tmp_path: Path, store: MemoryEventStore
) -> None:
    async with projected(tmp_path, store) as world:
        [document_id, *_] = await told(world, store)
        head = await world.caught_up()

        assert not await forget(world.database, [document_id], position=head + 1)


async def test_a_reader_holds_it_up(tmp_path: Path, store: MemoryEventStore) -> None:
    async with projected(tmp_path, store) as world:
        [document_id, *_] = await told(world, store)
        position = await tell(store, [an(DocumentErased, document_id=document_id)])
        with closing(sqlite3.connect(tmp_path / "read.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM projection_builds").fetchall()
            assert not await forget(world.database, [document_id], position=position)
            reader.execute("ROLLBACK")

        assert await forget(world.database, [document_id], position=position)
        assert f"{HELD}0.".encode() not in stored(tmp_path)


async def test_postgresql_forgets_it_too(tmp_path: Path, store: MemoryEventStore) -> None:
    async with projected(tmp_path, store, kind="postgresql") as world:
        [document_id, *_] = await told(world, store)
        position = await tell(store, [an(DocumentErased, document_id=document_id)])

        assert await forget(world.database, [document_id], position=position)

        tracked = await world.lookups.document(document_id)
        assert tracked is not None
        assert tracked.document.name == "erased"
