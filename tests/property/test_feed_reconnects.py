"""However often clients come and go, they are told the truth, in order, and all of it."""

import asyncio

import pytest

from service.feed.hub import Hub
from tests.faults.sizes import size
from tests.property.feed_client import Lied
from tests.property.feed_life import live
from tests.property.feed_mutants import MUTANTS, SmallParts

SEEDS = size(ci=60, nightly=2_000)
MUTANT_SEEDS = 200


def test_nobody_is_lied_to_in_any_world() -> None:
    connections = sum(asyncio.run(live(seed, Hub)) for seed in range(SEEDS))

    # A world in which nobody reconnects would prove nothing.
    assert connections > 10 * SEEDS


def test_a_snapshot_may_be_cut_between_any_two_parts() -> None:
    for seed in range(SEEDS):
        asyncio.run(live(seed, SmallParts))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_hub_with_this_mistake_is_caught(name: str) -> None:
    assert any(_caught(seed, MUTANTS[name]) for seed in range(MUTANT_SEEDS))


def _caught(seed: int, kind: type[Hub]) -> bool:
    try:
        asyncio.run(live(seed, kind))
    except Lied:
        return True
    return False
