"""The rules hold in a world where everything goes wrong, and each rule is needed (F19)."""

from collections import Counter
from typing import get_args

import pytest

from events.document.facts import DocumentEvent, PublishFailed
from tests.faults.sizes import size
from tests.property.document_chaos import World
from tests.property.document_mutants import MUTANTS
from tests.property.document_rules import Rules
from tests.property.document_witness import Broken

SEEDS = size(ci=500, nightly=20_000)
MUTANT_SEEDS = 1000
LONGEST_RUN = 120
"""Events of one run; an ordinary document has about twenty-five."""

CAUGHT_AS = {
    "no compare-and-set": {"16", "18", "19", "20"},
    "no lease check": {"16"},
    "no fencing": {"19"},
    "a failure callback is a death": {"18", "21"},
    "no replay key": {"20"},
    "no sweeper": {"22", "25"},
    "enqueued first": {"20"},
    "no budget": {"17"},
    "no stale-run check": {"19", "20"},
}


def test_every_invariant_holds_in_every_world() -> None:
    met: Counter[type[DocumentEvent]] = Counter()
    longest = 0

    for seed in range(SEEDS):
        history = [line.event for line in World(seed, Rules()).run()]
        runs = Counter(_runs(history))
        longest = max(longest, *runs.values())
        met.update(type(event) for event in history)

    # A kind of event that no world ever met would be a rule that nobody tried.
    assert set(met) == set(get_args(DocumentEvent))
    assert longest <= LONGEST_RUN


def test_a_seed_always_makes_the_same_world() -> None:
    first, second = World(7, Rules()), World(7, Rules())

    first.run()
    second.run()

    assert first.told() == second.told()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_deliberate_bug_is_caught(name: str) -> None:
    caught = _first_broken(MUTANTS[name])

    assert caught is not None, f"{name}: {MUTANT_SEEDS} worlds noticed nothing"
    _, invariant, *_ = str(caught).split(": ")
    assert invariant in CAUGHT_AS[name]


def test_a_broken_world_prints_its_history() -> None:
    caught = _first_broken(MUTANTS["no lease check"])

    assert str(caught).startswith("seed ")
    assert "ProcessingStarted" in str(caught)


def _first_broken(rules: Rules) -> Broken | None:
    for seed in range(MUTANT_SEEDS):
        try:
            World(seed, rules).run()
        except Broken as broken:
            return broken
    return None


def _runs(history: list[DocumentEvent]) -> list[int]:
    """The run that each event fell into."""
    run, runs = 1, []
    for event in history:
        if not isinstance(event, PublishFailed):
            run = getattr(event, "run", run)
        runs.append(run)
    return runs
