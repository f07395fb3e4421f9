"""Makes projections anew where no service runs: the same build and switch, without the waiting."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from projections.catalog import ProjectionUnknown
from projections.runner import Runner
from projections.tables import create_tables
from service.claim import claimed
from service.clock import system_clock
from service.databases import open_log, open_log_database, open_read_database
from service.projecting import projecting
from service.settings import Settings
from service.vault import open_sealing

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a projection has been made anew."""

    name: str
    position: int
    head: int
    done: bool = False
    failed: str | None = None
    """Why it was given up; the table that was there before is still read."""


async def rebuild_alone(settings: Settings, names: Sequence[str]) -> AsyncGenerator[Progress, None]:
    """Make these projections anew, one after the other, or all; raises ``ProjectionUnknown``.

    Raises ``SettingsError`` if another process has the data folder.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            stack.enter_context(claimed(settings.data))
        log_database = await stack.enter_async_context(open_log_database(settings))
        sealing = await stack.enter_async_context(open_sealing(settings))
        store = await stack.enter_async_context(open_log(settings, log_database, sealing))
        database = await stack.enter_async_context(open_read_database(settings))
        await database.write(create_tables)
        runners = projecting(
            store, database, clock=system_clock, own=settings.projections, settle_seconds=0
        ).runners
        for name in names or list(runners):
            if name not in runners:
                raise ProjectionUnknown(name, list(runners))
        for name in names or list(runners):
            async for progress in _rebuild(name, runners[name], await store.head()):
                yield progress


async def _rebuild(name: str, runner: Runner[Any], head: int) -> AsyncGenerator[Progress, None]:
    builder = runner.builder
    await builder.request()
    building = asyncio.ensure_future(builder.build_one())
    try:
        while not building.done():
            yield Progress(name=name, position=builder.position, head=head)
            await asyncio.wait({building}, timeout=LOOK_SECONDS)
        await building
    finally:
        building.cancel()
        await asyncio.wait({building})
    yield Progress(
        name=name,
        position=builder.position,
        head=head,
        done=builder.failed is None,
        failed=builder.failed,
    )
