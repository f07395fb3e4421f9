"""Cut off around COMMIT: nobody knows the outcome, and a repeat finds it out (F6)."""

import asyncio
import random
import time
from pathlib import Path
from typing import get_args

import pytest

from events.errors import LogUnavailable
from events.postgres import open_postgres
from events.sql import open_event_store
from tests.fakes import FakeClock
from tests.faults.cutting_proxy import Cut, CuttingProxy
from tests.faults.sizes import size
from tests.postgres import PostgresServer, database_of, server, upgrade_aside
from tests.stores import append, assert_whole, everything

pytestmark = pytest.mark.anyio

CUTS = size(ci=10, nightly=300)


@pytest.mark.parametrize("cut", get_args(Cut))
async def test_a_repeat_finds_out_what_became_of_a_commit_that_was_cut_off(
    tmp_path: Path, clock: FakeClock, cut: Cut
) -> None:
    url = database_of(tmp_path)
    async with CuttingProxy(server().port).listening() as line:
        through = url.replace(f":{server().port}/", f":{line.port}/")
        async with (
            open_postgres(through, "log", durability="full") as database,
            open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
        ):
            for number in range(CUTS):
                wanted = append(f"s{number}", 0, "one", "two")
                line.next_cut = cut
                appended = await store.append(wanted)  # which asks again by itself
                assert appended.repeated == (cut == "after")
                assert (appended.first, appended.last) == (2 * number + 1, 2 * number + 2)
            assert_whole(await everything(store))
    assert line.cuts == CUTS


async def test_appends_under_an_administrator_who_ends_connections_are_stored_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    url = database_of(tmp_path)
    name = url.rpartition("/")[2]
    chance = random.Random(name)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    async with (
        open_postgres(url, "log", durability="full") as database,
        open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
    ):
        administrator = await server().connect()
        for number in range(CUTS):
            wanted = [append(f"s{number}-{other}", 0, "one", "two") for other in range(8)]
            asked = [asyncio.ensure_future(store.append(one)) for one in wanted]
            await asyncio.wait(asked, timeout=chance.uniform(0, 0.004))
            await administrator.execute(ended.replace("$1", f"'{name}'"))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            for one, outcome in zip(wanted, outcomes, strict=True):
                assert not isinstance(outcome, Exception) or isinstance(outcome, LogUnavailable)
                if isinstance(outcome, LogUnavailable):
                    await store.append(one)
        await administrator.close()
        log = await everything(store)
    assert_whole(log)
    assert len(log) == 16 * CUTS


async def test_a_commit_that_no_standby_confirms_is_not_acknowledged(clock: FakeClock) -> None:
    strict = await asyncio.to_thread(PostgresServer)
    try:
        await asyncio.to_thread(upgrade_aside, strict.url())
        async with (
            open_postgres(strict.url(), "log", durability="full") as database,
            open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store,
        ):
            await asyncio.to_thread(_wait_for, strict, "somebody who never comes")
            wanted = append("a", 0, "one")
            with pytest.raises(LogUnavailable):
                await store.append(wanted)
            await asyncio.to_thread(_wait_for, strict, "")
            assert (await store.append(wanted)).repeated
    finally:
        await asyncio.to_thread(strict.close)


def _wait_for(server: PostgresServer, standby: str) -> None:
    """From now on a commit waits for this standby."""
    names = f'"{standby}"' if standby else ""
    server.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    server.sql("SELECT pg_reload_conf()")
    while server.sql("SHOW synchronous_standby_names")[0][0] != names:
        time.sleep(0.05)
