"""One node at a time does what one node is enough for, and another one takes over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events import leases
from events.leases import LEASE_SECONDS, Lease
from events.postgres import PostgresDatabase, open_postgres
from tests.fakes import FakeClock
from tests.postgres import database_of

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[PostgresDatabase]:
    async with open_postgres(database_of(tmp_path), "read", durability="relaxed") as database:
        await database.write(leases.metadata.create_all)
        yield database


def lease(database: PostgresDatabase, clock: FakeClock, holder: str) -> Lease:
    return Lease("dispatcher", database, holder=holder, clock=clock)


async def test_a_lease_has_one_holder_who_may_renew_it(
    database: PostgresDatabase, clock: FakeClock
) -> None:
    ours, theirs = lease(database, clock, "a"), lease(database, clock, "b")

    assert [await ours.take(), await theirs.take(), await ours.take()] == [True, False, True]
    clock.advance(LEASE_SECONDS)
    assert await theirs.take() is False
    clock.advance(1)
    assert [await theirs.take(), await ours.take()] == [True, False]


async def test_a_lease_that_is_given_back_is_free_at_once(
    database: PostgresDatabase, clock: FakeClock
) -> None:
    ours, theirs = lease(database, clock, "a"), lease(database, clock, "b")
    await ours.take()
    await theirs.release()
    assert await theirs.take() is False

    await ours.release()

    assert await theirs.take() is True


async def test_who_loses_the_lease_stops_working_and_who_ends_gives_it_back(
    database: PostgresDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    working, stopped = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        working.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    ours, theirs = lease(database, clock, "a"), lease(database, clock, "b")
    task = asyncio.create_task(ours.while_held(work))
    async with asyncio.timeout(PATIENCE):
        await working.wait()
        await ours.release()
        clock.advance(LEASE_SECONDS + 1)
        while not await theirs.take():  # our own renewal may have come first
            clock.advance(LEASE_SECONDS + 1)
        await stopped.wait()
        working.clear()
        await theirs.release()
        await working.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await theirs.take() is True


async def test_work_that_fails_is_told(database: PostgresDatabase, clock: FakeClock) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ZeroDivisionError):
            await lease(database, clock, "a").while_held(work)
