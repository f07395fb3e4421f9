"""A broker misbehaves as it was asked to, the same way for the same seed."""

import pytest

from service.broker.chaos import Chaos, misbehaviour, parse
from service.broker.errors import Malformed
from service.broker.misbehaving import Misbehaving
from service.broker.outcome import Answer, NoAnswer
from service.broker.timing import wait_for
from tests.brokers import Network
from tests.fakes import FakeClock

WRITTEN = "duplicate=0.05,reorder=0.1,drop-answer=0.02,delay=500ms,seed=7"


def test_it_is_read_and_written_alike() -> None:
    chaos = parse(WRITTEN, seed=1)

    assert chaos == Chaos(seed=7, duplicate=0.05, reorder=0.1, drop_answer=0.02, delay=0.5)
    assert parse(str(chaos), seed=1) == chaos


def test_without_a_seed_it_takes_the_one_it_is_given() -> None:
    assert parse("duplicate=1", seed=41).seed == 41


@pytest.mark.parametrize(
    "part",
    [
        "", "duplicate", "twice=1", "duplicate=2", "duplicate=-0.1", "duplicate=nan", "reorder=x",
        "delay=2", "delay=1h", "delay=", "seed=-1", "seed=x", "seed=7",
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_read_is_named(part: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(f"seed=1,{part}", seed=1)

    assert repr(part) in str(refusal.value)


def test_the_same_seed_gives_the_same_misbehaviour() -> None:
    def run(seed: int) -> list[object]:
        chaos = parse(f"duplicate=0.2,reorder=0.2,drop-answer=0.2,delay=1s,seed={seed}", seed=0)
        return [misbehaviour(chaos, attempt) for attempt in range(1, 200)]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_chances_are_what_they_say() -> None:
    chaos = parse(WRITTEN, seed=0)
    found = [misbehaviour(chaos, attempt) for attempt in range(10_000)]

    assert 400 < sum(one.duplicate for one in found) < 600
    assert 850 < sum(one.overtaken_by > 0 for one in found) < 1150
    assert 120 < sum(one.drop_answer for one in found) < 280
    assert all(0 <= one.delay < 0.5 for one in found)


@pytest.mark.anyio
async def test_it_sends_twice_and_drops_what_was_answered() -> None:
    async def through(written: str) -> tuple[int, Answer | NoAnswer]:
        network = Network(FakeClock())
        sender = Misbehaving(network, chaos=parse(written, seed=1), wait=wait_for)
        answer = await sender.send(
            method="POST", url="http://a.example/", headers=(), body=b"", seconds=1
        )
        return len(network.sent), answer

    assert await through("seed=1") == (1, Answer(status=200))
    assert await through("duplicate=1") == (2, Answer(status=200))
    assert await through("drop-answer=1") == (
        1,
        NoAnswer(reason="chaos: the answer was dropped"),
    )
