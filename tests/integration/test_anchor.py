"""The head of the log is told at the start and from then on."""

import asyncio
from pathlib import Path

import pytest
import structlog

from events.chain import GENESIS
from service.anchor import HeadPublisher, log_head
from service.supervision import background
from tests.fakes import FakeClock
from tests.stores import append, everything, sqlite_log

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 30


async def test_the_head_is_the_last_event_or_the_beginning(
    data_folder: Path, clock: FakeClock
) -> None:
    async with sqlite_log(data_folder, clock) as store:
        empty = await log_head(store)
        await store.append(append("a", 0, "one", "two"))
        last = (await everything(store))[-1]
        head = await log_head(store)

        assert (empty.position, empty.recorded_at, empty.chain) == (0, None, GENESIS)
        assert (head.position, head.recorded_at, head.chain) == (2, clock.now, last.chain)
        assert head.epoch == empty.epoch == await store.epoch()


async def test_the_head_is_written_down_again_and_again(
    data_folder: Path, clock: FakeClock
) -> None:
    async with sqlite_log(data_folder, clock) as store:
        appended = await store.append(append("a", 0, "one"))
        with structlog.testing.capture_logs() as lines:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                background({"head": HeadPublisher(store, every_seconds=0.001).run}),
            ):
                while len(lines) < 3:  # noqa: ASYNC110 -- a list of lines cannot be waited for
                    await asyncio.sleep(0)

    [recorded] = appended.recorded
    told = {(line["position"], line["chain"], line["epoch"]) for line in lines}
    assert told == {(1, recorded.chain.hex(), await store.epoch())}
