"""An event of a newer version is in the log: its document waits for that version, others go on."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from litestar import Litestar, get
from litestar.testing import AsyncTestClient

from events.errors import Overloaded, UnknownEvent
from events.memory import MemoryEventStore
from events.store import Append, NewEvent, document_stream
from projections.sentences import sentence
from service.clock import system_clock
from service.web.document_views import event_view
from service.web.problems import RETRY_AFTER_S, to_response
from tests.brokers import served
from tests.facts import life, registered
from tests.fakes import FakeClock
from tests.integration.dispatching import Qstash, World
from tests.integration.test_dispatcher import is_queued
from tests.projecting import projected
from tests.stores import everything_stored, sqlite_log, stored

pytestmark = pytest.mark.anyio

NEWER = ("document_teleported", 1, b'{"document_id":"strange"}')


@pytest.fixture
def qstash() -> Qstash:
    return Qstash()


@pytest.fixture
async def world(tmp_path: Path, qstash: Qstash) -> AsyncIterator[World]:
    async with sqlite_log(tmp_path, system_clock) as store, served(qstash) as url:
        yield World(store, url)


async def a_newer_version_wrote(world: World, document_id: str) -> None:
    log = await everything_stored(world.store)
    await world.store.restore(stored(NEWER, stream=document_stream(document_id), after=log))


async def test_nobody_decides_on_what_cannot_be_read(world: World) -> None:
    await world.tell(registered("strange"))
    await a_newer_version_wrote(world, "strange")

    with pytest.raises(UnknownEvent, match=r"document_teleported version 1, .* or a newer one"):
        await world.documents.cancel("strange", by="ann", reason="")

    assert len(await world.documents.history("strange")) == 2


async def test_a_history_shows_what_it_cannot_read_as_that(world: World) -> None:
    await world.tell(registered("strange"))
    await a_newer_version_wrote(world, "strange")

    [_, unread] = await world.documents.history("strange")

    assert event_view(unread).type == "document_teleported"
    assert bytes(event_view(unread).data) == b"{}"
    assert "document_teleported version 1 cannot be shown" in sentence(unread.fact)


async def test_the_dispatcher_leaves_that_document_alone_and_does_the_others(
    world: World, qstash: Qstash
) -> None:
    async with world.dispatcher():
        await world.tell(registered("strange"))
        await world.becomes("strange", is_queued)
        await a_newer_version_wrote(world, "strange")
        log = await everything_stored(world.store)
        known = ("cancelled", 1, b'{"document_id":"strange","run":1}')
        await world.store.restore(stored(known, stream=document_stream("strange"), after=log))
        await world.tell(registered("d1"))
        await world.becomes("d1", is_queued)

    assert len(qstash.published) == 2


async def test_a_projection_passes_it_over_and_says_so(tmp_path: Path, clock: FakeClock) -> None:
    store = MemoryEventStore(clock)
    for number, fact in enumerate([*life("d1"), *life("d2")]):
        stream = document_stream(fact.document_id)
        version = len(await store.read_stream(stream))
        event = NewEvent(
            event_id=str(UUID(int=number)), fact=fact, occurred_at=0, correlation_id="c"
        )
        await store.append(Append(stream=stream, expected=version, events=[event]))
    log = await everything_stored(store)
    await store.restore(stored(NEWER, stream=document_stream("d1"), after=log))

    async with projected(tmp_path / "read.db", store) as tables:
        head = await tables.caught_up()

        assert head == len(log) + 1
        assert {one.condition().unreadable for one in tables.runners.values()} == {head}


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Overloaded(4096), "4096 appends are waiting already; try again in a few seconds"),
        (UnknownEvent("x", 2, "run a newer one"), "the log holds x version 2, which cannot be"),
    ],
)
async def test_over_http_it_is_503_with_a_time_to_come_back(error: Exception, detail: str) -> None:
    @get("/")
    async def refuse() -> None:
        raise error

    app = Litestar([refuse], exception_handlers={Exception: to_response})
    async with AsyncTestClient(app) as client:
        answer = await client.get("/")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == RETRY_AFTER_S
    assert answer.json()["detail"].startswith(detail)
