"""A world from its beginning to its end: changes, breaks, and then silence in which all is told."""

import asyncio
import random

from projections.reads import Selection
from service.feed.hub import Hub
from tests.property.feed_client import Follower, Lied
from tests.property.feed_world import DOCUMENTS, OWNERS, Log, a_hub

CHANGES = 120
SETTLING_TURNS = 3000


def a_selection(chance: random.Random) -> Selection:
    match chance.randrange(3):
        case 0:
            return Selection()
        case 1:
            return Selection(owner=chance.choice(OWNERS))
        case _:
            return Selection(documents=frozenset(chance.sample(DOCUMENTS, 3)))


async def live(seed: int, kind: type[Hub]) -> int:
    """A world from its beginning to its end; gives the number of connections it saw."""
    chance = random.Random(seed)
    log = Log(chance)
    hub = a_hub(log, kind, chance)
    followers = [Follower(log, hub, chance, a_selection(chance)) for _ in range(4)]
    tasks = [asyncio.create_task(hub.run())]
    tasks += [asyncio.create_task(follower.follow()) for follower in followers]
    try:
        await _happen(log, hub, followers, chance)
        for follower in followers:
            follower.patient = True
        await _settle(log, followers, tasks)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    _complain(outcomes)
    return sum(follower.connections for follower in followers)


async def _happen(log: Log, hub: Hub, followers: list[Follower], chance: random.Random) -> None:
    for _ in range(CHANGES):
        batch = [log.change() for _ in range(chance.choice((1, 1, 2, 5)))]
        await log.turns()
        hub.hear(log.head, batch)
        if chance.random() < 0.05:
            chance.choice(followers).cut()
        await log.turns()


async def _settle(log: Log, followers: list[Follower], tasks: list[asyncio.Task[None]]) -> None:
    """Wait until everybody knows everything; the loop's turns are the only clock."""
    for _ in range(SETTLING_TURNS):
        if all(follower.true for follower in followers) or any(task.done() for task in tasks):
            return
        await asyncio.sleep(0)
    missing = [follower for follower in followers if not follower.true]
    raise Lied(f"{len(missing)} clients were never told everything up to {log.head}")


def _complain(outcomes: list[BaseException | None]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
