"""A run of stored events: whole, or the first position that is not."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from events.heads import START
from events.memory import MemoryEventStore
from events.store import Stored
from events.verify import Damage, Verifier
from tests.fakes import FakeClock
from tests.stores import append, everything_stored

Change = Callable[[Stored], Stored]


@pytest.fixture
def log(clock: FakeClock) -> list[Stored]:
    return asyncio.run(told(clock))


async def told(clock: FakeClock) -> list[Stored]:
    store = MemoryEventStore(clock)
    for number in range(6):
        await store.append(append("a", number * 2, "x", "y"))
        await store.append(append("b", number, "ß"))
        clock.advance(1)
    return await everything_stored(store)


def test_a_log_that_nobody_touched_is_whole(log: list[Stored]) -> None:
    verifier = Verifier()

    assert verifier.check(log) is None
    assert verifier.head.position == len(log) == 18
    assert verifier.head.chain == log[-1].chain


def test_runs_follow_on_each_other(log: list[Stored]) -> None:
    verifier = Verifier()

    assert [verifier.check(log[start : start + 5]) for start in range(0, 20, 5)] == [None] * 4
    assert verifier.head.position == 18


def test_a_check_can_begin_behind_what_was_checked_before(log: list[Stored]) -> None:
    first = Verifier()
    first.check(log[:7])

    later = Verifier(after=first.head)

    assert later.check(log[7:]) is None
    assert later.head.position == 18


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, data=e.data.replace(b'"x"', b'"z"').replace(b'"y"', b'"z"')),
        lambda e: replace(e, data=e.data + b" "),
        lambda e: replace(e, meta=b'{"node": "test"}'),
        lambda e: replace(e, meta=b"not json"),
        lambda e: replace(e, event_id=e.event_id.replace("0", "1", 1)),
        lambda e: replace(e, type="cancelled"),
        lambda e: replace(e, schema_version=2),
        lambda e: replace(e, occurred_at=e.occurred_at + 1),
        lambda e: replace(e, recorded_at=e.recorded_at + 1),
        lambda e: replace(e, recorded_at=0),
        lambda e: replace(e, correlation_id="else"),
        lambda e: replace(e, causation_id="else"),
        lambda e: replace(e, stream="c"),
        lambda e: replace(e, version=e.version + 1),
        lambda e: replace(e, position=e.position + 1),
        lambda e: replace(e, chain=bytes(32)),
    ],
)
def test_any_change_is_found_at_its_position(log: list[Stored], change: Change) -> None:
    forged = [*log[:9], change(log[9]), *log[10:]]

    damage = Verifier().check(forged)

    assert isinstance(damage, Damage)
    assert damage.position == 10
    assert damage.why


def test_a_missing_event_is_found_where_it_is_missing(log: list[Stored]) -> None:
    damage = Verifier().check([*log[:9], *log[10:]])

    assert damage == Damage(10, "the log goes from position 9 to 11")


def test_two_events_that_changed_places_are_found(log: list[Stored]) -> None:
    first, second = log[9], log[10]
    forged = [
        *log[:9],
        replace(second, position=first.position),
        replace(first, position=second.position),
        *log[11:],
    ]

    damage = Verifier().check(forged)

    assert damage is not None
    assert damage.position == 10


def test_a_log_must_begin_at_its_beginning(log: list[Stored]) -> None:
    damage = Verifier(START).check(log[1:])

    assert damage == Damage(1, "the log goes from position 0 to 2")
