"""A log that holds what this code cannot read: it is passed on as that, and nothing breaks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.codec import MAX_EVENT_BYTES
from events.decoding import readable
from events.errors import InvalidEvent, UnknownEvent
from events.store import Append, Recorded, Stored, Unreadable, document_stream
from tests.fakes import FakeClock
from tests.stores import STORES, Log, everything_stored, new_event, stored

pytestmark = pytest.mark.anyio

DOCUMENT = document_stream("d1")
A_YEAR_ON = [
    ("document_teleported", 1, b'{"document_id":"d1","to":"the moon"}'),
    ("cancelled", 99, b'{"document_id":"d1","run":1}'),
    ("cancelled", 1, b'{"document_id":"d1"}'),
    ("cancelled", 1, b"not json"),
    ("cancelled", 1, b'{"document_id":"d1","run":1}'),
]
"""Type, version and data as another version of Waybill, or a bad disk, may leave them."""


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Log]:
    async with STORES[request.param](tmp_path, clock) as store:
        yield store


async def test_what_cannot_be_read_says_what_it_is_and_what_follows_is_read(store: Log) -> None:
    await store.restore(stored(*A_YEAR_ON, stream=DOCUMENT))

    log = await store.read_all(after=0)

    assert log == await store.read_stream(DOCUMENT)
    strange = [one.fact for one in log if isinstance(one.fact, Unreadable)]
    assert [(one.document_id, one.type, one.version) for one in strange] == [
        ("d1", type_name, version) for type_name, version, _ in A_YEAR_ON[:4]
    ]
    assert [("newer" in one.why, "damaged" in one.why) for one in strange] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert readable(log[4]).document_id == "d1"


async def test_who_decides_on_it_is_stopped(store: Log) -> None:
    await store.restore(stored(*A_YEAR_ON, stream=DOCUMENT))

    [first, *_] = await store.read_all(after=0)

    with pytest.raises(UnknownEvent, match=r"document_teleported version 1, .* or a newer one"):
        readable(first)


@pytest.mark.parametrize(
    ("data", "document"),
    [(b'{"document_id":"d9"}', "d9"), (b'{"document_id":9}', ""), (b"[]", ""), (b"", "")],
)
async def test_in_another_stream_the_document_is_told_if_the_data_tells_it(
    store: Log, data: bytes, document: str
) -> None:
    await store.restore(stored(("document_teleported", 1, data), stream="usage"))

    [one] = await store.read_all(after=0)

    assert isinstance(one.fact, Unreadable)
    assert one.fact.document_id == document


async def test_the_bytes_stay_as_they_are(store: Log) -> None:
    run = stored(*A_YEAR_ON, stream=DOCUMENT)
    await store.restore(run)

    assert await everything_stored(store) == run


async def test_what_could_not_be_read_back_is_never_stored(store: Log) -> None:
    event = new_event("x" * (MAX_EVENT_BYTES + 1), document_id="d1")

    with pytest.raises(InvalidEvent, match=r"has .* bytes"):
        await store.append(Append(stream="a", expected=0, events=[event]))
    strange = replace(event, fact=replace(event.fact, reason=7))
    with pytest.raises(InvalidEvent, match=r"at `\$.reason`"):
        await store.append(Append(stream="a", expected=0, events=[strange]))

    assert await store.head() == 0


def test_recorded_and_stored_have_the_same_envelope() -> None:
    differing = set(Recorded.__struct_fields__) ^ set(Stored.__struct_fields__)

    assert differing == {"fact", "data"}
