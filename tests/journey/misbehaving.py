"""A broker at its worst: it delivers twice, late, out of order, and loses answers."""

import pytest

CHAOS = "duplicate=0.4,reorder=0.3,drop-answer=0.2,delay=200ms,seed=147"
"""With this seed it is at its worst at once: the first delivery is doubled and its answer lost, the
second waits to be overtaken, half of the next are doubled."""

WORST = ("--chaos", CHAOS)

under_any_broker = pytest.mark.parametrize(
    "misbehaving", [False, True], ids=["behaving", "misbehaving"], indirect=True
)
"""The test is a promise to users and holds whatever befalls the deliveries: it runs under a broker
that behaves and, in a house of its own, under one that does not, and expects the same. Which do
without, and why, is told in docs/how-to/test-your-receiver.md."""
