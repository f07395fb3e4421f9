"""Work in a thread: what has begun is waited for, what has not is not done."""

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from events.threads import in_thread

pytestmark = pytest.mark.anyio


@pytest.fixture
def one_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def test_what_the_work_returns_or_raises_is_the_caller_s(
    one_thread: ThreadPoolExecutor,
) -> None:
    assert await in_thread(one_thread, lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        await in_thread(one_thread, lambda: 1 // 0)


async def test_a_cancelled_caller_returns_when_the_work_is_done(
    one_thread: ThreadPoolExecutor,
) -> None:
    begun, go_on, done = Event(), Event(), Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        done.set()

    caller = asyncio.create_task(in_thread(one_thread, work))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):  # impatience changes nothing
        caller.cancel()
        await asyncio.sleep(0)
    assert not caller.done()

    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert done.is_set()


async def test_work_that_has_not_begun_is_not_done_for_a_cancelled_caller(
    one_thread: ThreadPoolExecutor,
) -> None:
    go_on, done = Event(), Event()
    first = asyncio.create_task(in_thread(one_thread, lambda: go_on.wait(10)))
    second = asyncio.create_task(in_thread(one_thread, done.set))
    await asyncio.sleep(0)
    second.cancel()

    with pytest.raises(asyncio.CancelledError):
        await second
    go_on.set()
    await first

    assert not done.is_set()


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_of(
    one_thread: ThreadPoolExecutor,
) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    begun, go_on = Event(), Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        raise OSError("the disk is full")

    caller = asyncio.create_task(in_thread(one_thread, work))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    del caller
    gc.collect()
    assert not complaints
