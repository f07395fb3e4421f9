"""The dispatcher at work: publish what waits, chase what was lost, tidy up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.document.facts import DocumentErased, EnqueueRequested, LeaseExpired, ProcessingStarted
from events.document.state import Document, Erasure, Status
from events.store import document_stream
from service.clock import MICROSECONDS, system_clock
from service.publisher import DEADLINE_SECONDS, Job, NotPublished, Publisher
from tests.brokers import served
from tests.facts import published, registered, started, succeeded
from tests.integration.dispatching import HERE, Qstash, World
from tests.stores import append, sqlite_log
from tests.unit.document.builders import an

pytestmark = pytest.mark.anyio

JOB = Job(document_id="d1", run=1, publish_no=1, dedup_id="d1.1.1", flow_key="key", parallelism=2)
SLOW_MACHINE = 5.0
SHORT_SECONDS = 2.0


@pytest.fixture
def qstash() -> Qstash:
    return Qstash()


@pytest.fixture
async def world(tmp_path: Path, qstash: Qstash) -> AsyncIterator[World]:
    async with sqlite_log(tmp_path, system_clock) as store, served(qstash) as url:
        yield World(store, url)


def failed_publishes(least: int) -> Callable[[Document], bool]:
    return lambda found: found.publishing is not None and found.publishing.failures >= least


def is_queued(document: Document) -> bool:
    return document.status is Status.QUEUED and document.publishing is None


async def test_an_upload_is_published_once_with_what_a_message_needs(
    world: World, qstash: Qstash
) -> None:
    async with world.dispatcher():
        await world.tell(registered("d1"))
        document = await world.becomes("d1", is_queued)

    assert document.message_ids == ("msg_0",)
    [headers] = qstash.published
    lowered = {name.lower(): value for name, value in headers.items()}
    assert lowered["upstash-deduplication-id"] == "d1.1.1"
    assert lowered["upstash-failure-callback"] == "http://here/failed"
    assert lowered["upstash-retries"] == "6"
    assert lowered["upstash-timeout"] == "60s"
    assert lowered["upstash-label"] == "d1"


async def test_many_uploads_need_few_calls_and_each_is_published_once(
    world: World, qstash: Qstash
) -> None:
    ids = [f"d{number}" for number in range(60)]
    async with world.dispatcher():
        await asyncio.gather(*[world.tell(registered(one)) for one in ids])
        for one in ids:
            await world.becomes(one, is_queued)

    assert len(qstash.published) == 60
    assert len(qstash.calls) < 60


async def test_what_waited_before_the_start_is_published(world: World, qstash: Qstash) -> None:
    await world.tell(registered("d1"))

    async with world.dispatcher("d1"):
        await world.becomes("d1", is_queued)

    assert len(qstash.published) == 1


async def test_a_publish_of_unknown_outcome_is_repeated_under_its_own_name_at_the_start(
    world: World, qstash: Qstash
) -> None:
    intention = replace(an(EnqueueRequested), document_id="d1", requested_at=system_clock())
    await world.tell(registered("d1"), intention)

    async with world.dispatcher("d1"):
        await world.becomes("d1", is_queued)

    requests = [e for e in await world.history("d1") if isinstance(e, EnqueueRequested)]
    assert len(requests) == 1
    assert intention.dedup_id in qstash.published[0].values()


async def test_a_refusal_is_recorded_and_the_publish_comes_again(
    world: World, qstash: Qstash
) -> None:
    qstash.refuses = True
    async with world.dispatcher():
        await world.tell(registered("d1"))
        document = await world.becomes("d1", failed_publishes(1))
        assert document.publishing is not None
        assert not document.publishing.ambiguous
        qstash.refuses = False

        await world.becomes("d1", is_queued)


async def test_an_attempt_that_the_last_process_left_is_ended_and_begun_again_at_the_start(
    world: World,
) -> None:
    await world.tell(registered("d1"), *published("d1"), *started("d1"))

    async with world.dispatcher("d1", node="the next process"):
        await world.becomes("d1", lambda found: found.publish_no == 2)

    [expired] = [e for e in await world.history("d1") if isinstance(e, LeaseExpired)]
    assert expired.detected_by == "restart"


async def test_an_attempt_that_has_just_begun_here_is_left_alone_at_the_start(
    world: World,
) -> None:
    received, begun = started("d1")
    assert isinstance(begun, ProcessingStarted)
    begun = replace(begun, lease_until=system_clock() + 3600 * MICROSECONDS)
    await world.tell(registered("d1"), *published("d1"), received, begun)
    verbs = world.verbs(node="n1")  # as the attempt says

    assert await verbs.attempt_of_another_node("d1") is None
    async with world.dispatcher("d1", node="n1"):
        await world.tell(registered("d2"))
        await world.becomes("d2", is_queued)
        assert (await world.tracked("d1")).document.status is Status.PROCESSING


async def test_a_worker_that_falls_silent_loses_its_lease(world: World) -> None:
    async with world.dispatcher():
        # The lease of these events was over long ago.
        await world.tell(registered("d1"), *published("d1"), *started("d1"))
        await world.becomes("d1", lambda found: found.publish_no == 2)

    [expired] = [e for e in await world.history("d1") if isinstance(e, LeaseExpired)]
    assert expired.detected_by == "sweeper"


async def test_documents_that_have_ended_can_all_be_run_again(world: World, qstash: Qstash) -> None:
    """The dispatcher has forgotten them, and hears of them before their own writer goes on."""
    ids = [f"d{number}" for number in range(40)]
    for one in ids:
        await world.tell(registered(one), *published(one), *started(one), succeeded(one))
    async with world.dispatcher():
        await asyncio.gather(*[world.documents.retry(one, by="ada", reason="") for one in ids])
        for one in ids:
            await world.becomes(one, is_queued)

    assert len(qstash.published) == 40
    requested = [
        event
        for one in ids
        for event in await world.history(one)
        if isinstance(event, EnqueueRequested) and event.run == 2
    ]
    assert len(requested) == 40, "each was asked for once: by the person's retry"


async def test_a_state_is_read_again_when_the_log_is_known_to_reach_further(world: World) -> None:
    await world.tell(registered("d1"))
    await world.store.append(append(document_stream("d1"), 1, "x"))  # by another process

    assert (await world.documents.load("d1"))[0] == 1
    assert (await world.documents.load("d1", version=2))[0] == 2


async def test_a_second_run_is_published_although_the_publish_of_the_first_still_hangs(
    world: World, qstash: Qstash
) -> None:
    async with world.dispatcher(deadline_seconds=SHORT_SECONDS):
        qstash.answers.clear()
        await world.tell(registered("d1"))
        await world.becomes("d1", lambda found: found.publishing is not None)
        await world.documents.cancel("d1", by="ada", reason="")
        await world.documents.retry("d1", by="ada", reason="")
        await world.tell(registered("d2"))
        await world.becomes("d2", lambda found: found.publishing is not None)
        qstash.answers.set()

        document = await world.becomes("d1", is_queued)

    assert document.run == 2


async def test_the_message_of_a_cancelled_document_is_taken_back(
    world: World, qstash: Qstash
) -> None:
    async with world.dispatcher():
        await world.tell(registered("d1"))
        await world.becomes("d1", is_queued)
        await world.documents.cancel("d1", by="ada", reason="")
        await world.becomes("d1", lambda found: found.withdraw is None and found.status.final)

    assert "DELETE /v2/messages/msg_0" in qstash.calls


async def test_without_qstash_one_document_asks_for_all_and_then_all_are_published(
    world: World, qstash: Qstash
) -> None:
    qstash.away = True
    async with world.dispatcher() as dispatcher:
        await world.tell(registered("first"))
        await world.becomes("first", failed_publishes(1))
        assert dispatcher.silent is not None
        ids = [f"d{number}" for number in range(20)]
        for one in ids:
            await world.tell(registered(one))
        asked = len(qstash.calls)
        await qstash.is_called(asked + 1)

        touched = [one for one in ids if len(await world.history(one)) > 1]
        assert len(qstash.calls) == asked + 1
        assert len(touched) <= 1
        qstash.away = False

        for one in ("first", *ids):
            await world.becomes(one, is_queued)
        assert dispatcher.silent is None


async def test_a_silent_worker_loses_its_lease_while_qstash_keeps_us_waiting(
    world: World, qstash: Qstash
) -> None:
    qstash.away = True
    async with world.dispatcher() as dispatcher:
        await world.tell(registered("d1"))
        await world.becomes("d1", failed_publishes(1))
        qstash.away = False
        qstash.answers.clear()
        await qstash.is_called(2)

        await world.tell(registered("d2"), *published("d2"), *started("d2"))
        async with asyncio.timeout(DEADLINE_SECONDS - 2):  # the call still hangs
            await world.becomes("d2", lambda found: found.status is Status.RETRYING)

        assert len(qstash.calls) == 2
        assert dispatcher.silent is not None
        qstash.answers.set()


async def test_an_erasure_needs_nothing_of_qstash(world: World, qstash: Qstash) -> None:
    qstash.away = True
    ended = [registered("d1"), *published("d1"), *started("d1"), succeeded("d1")]
    async with world.dispatcher() as dispatcher:
        await world.tell(registered("first"))
        await world.becomes("first", failed_publishes(1))
        assert dispatcher.silent is not None

        await world.tell(*ended, an(DocumentErased, document_id="d1"))
        await world.becomes("d1", lambda found: found.erasure is Erasure.COMPLETE)


async def test_an_erasure_that_was_begun_before_the_start_is_completed(world: World) -> None:
    ended = [registered("d1"), *published("d1"), *started("d1"), succeeded("d1")]
    await world.tell(*ended, an(DocumentErased, document_id="d1"))

    async with world.dispatcher("d1"):
        await world.becomes("d1", lambda found: found.erasure is Erasure.COMPLETE)


async def test_a_qstash_that_never_answers_is_left_after_ten_seconds_and_asked_once(
    qstash: Qstash,
) -> None:
    qstash.answers.clear()
    async with served(qstash) as url:
        publisher = Publisher(
            url=url,
            token="t",
            process_url=HERE,
            failed_url="http://here/failed",
            retries=6,
            timeout_seconds=60,
        )
        began = time.monotonic()
        async with publisher._client.http._client:
            [outcome] = await publisher.publish([JOB])
        took = time.monotonic() - began
        qstash.answers.set()

    assert 10 <= took < 10 + SLOW_MACHINE
    assert isinstance(outcome, NotPublished)
    assert outcome.ambiguous and not outcome.unreachable
    assert len(qstash.calls) == 1, "the SDK tries again by itself"
