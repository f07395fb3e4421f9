"""Whoever waits for a desk gets one in the order of coming, and no desk is ever lost."""

import asyncio

import pytest

from service.processing.desks import Desk, DeskLine

pytestmark = pytest.mark.anyio


def a_line(size: int) -> tuple[DeskLine, list[Desk]]:
    line, desks = DeskLine(), [Desk() for _ in range(size)]
    line.open(desks)
    return line, desks


async def waiting(line: DeskLine, number: int) -> list[asyncio.Task[Desk | None]]:
    tasks = []
    for expected in range(line.waiting + 1, line.waiting + number + 1):
        tasks.append(asyncio.create_task(line.take()))
        await asyncio.sleep(0)
        assert line.waiting == expected
    return tasks


async def test_first_come_first_served() -> None:
    line, (desk,) = a_line(1)
    await line.take()
    first, second = await waiting(line, 2)

    line.give_back(desk)
    late = asyncio.create_task(line.take())

    assert await first is desk
    assert not second.done()
    line.give_back(desk)
    assert await second is desk
    line.give_back(desk)
    assert await late is desk


async def test_who_is_cancelled_leaves_the_line() -> None:
    line, (desk,) = a_line(1)
    await line.take()
    first, second = await waiting(line, 2)

    first.cancel()
    await asyncio.wait([first])

    assert line.waiting == 1
    line.give_back(desk)
    assert await second is desk


async def test_a_desk_handed_to_somebody_cancelled_in_that_moment_goes_on() -> None:
    line, (desk,) = a_line(1)
    await line.take()
    first, second = await waiting(line, 2)

    line.give_back(desk)
    first.cancel()

    assert await second is desk
    assert first.cancelled()


async def test_a_desk_nobody_waits_for_is_free_again() -> None:
    line, (desk,) = a_line(1)
    await line.take()
    (first,) = await waiting(line, 1)

    line.give_back(desk)
    first.cancel()
    await asyncio.wait([first])

    assert (line.free, line.waiting) == (1, 0)


async def test_closing_sends_everybody_away_and_names_the_free_desks() -> None:
    line, (desk, other) = a_line(2)
    taken = [await line.take(), await line.take()]
    tasks = await waiting(line, 2)
    closed = line.close()

    assert closed == []
    assert taken == [other, desk]
    assert [await task for task in tasks] == [None, None]
    assert await line.take() is None
    line.give_back(desk)
    assert line.free == 0
