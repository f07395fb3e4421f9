"""A clock that jumps an hour, either way, changes no order and starts no work twice (F8)."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from events.document.attempts import expire, succeed
from events.document.facts import AttemptDiscarded, ProcessingStarted
from events.document.policy import SECOND
from events.document.state import Document, Status
from tests.fakes import FakeClock
from tests.stores import STORES, append, assert_whole, everything
from tests.unit.document.attempt_results import TEXT
from tests.unit.document.builders import NOW, POLICY, after, deliver, processing

HOUR = 3600.0
HOUR_US = 3600 * SECOND
JUMPS = (HOUR, -HOUR, -HOUR, 1.0, -0.5, 3 * HOUR, -2 * HOUR)


@pytest.mark.anyio
@pytest.mark.parametrize("backend", STORES)
async def test_the_log_never_records_an_earlier_time(
    backend: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with STORES[backend](tmp_path, clock) as store:
        said_by_the_clock = []
        for number, seconds in enumerate((0.0, *JUMPS)):
            clock.advance(seconds)
            said_by_the_clock.append(clock.now)
            await store.append(append(f"s{number}", 0, "x"))

        log = await everything(store)
        assert_whole(log)
        assert [event.recorded_at for event in log] == _highest(said_by_the_clock)
        assert await store.position_at(max(said_by_the_clock)) == len(log)


def _highest(times: Sequence[int]) -> list[int]:
    return [max(times[: number + 1]) for number in range(len(times))]


def test_back_an_hour_a_lease_is_still_held_and_its_work_counts() -> None:
    document = processing()
    now = NOW - HOUR_US

    again = deliver(document, retried=1, now=now)
    assert again.answer is not None and again.answer.status == 503
    assert not any(isinstance(event, ProcessingStarted) for event in again.events)
    assert expire(document, now=now, policy=POLICY, detected_by="sweeper") == []

    document = after(document, *again.events)
    done = succeed(
        document, run=1, attempt_id=attempt_of(document), outcome=TEXT, duration_ms=1, now=now
    )
    assert after(document, *done.events).status is Status.SUCCEEDED


def test_on_an_hour_a_lease_is_over_and_only_the_newer_attempt_counts() -> None:
    document = processing()
    first = attempt_of(document)

    again = deliver(document, retried=1, now=NOW + HOUR_US)
    assert again.answer is None, "the lease has run out, so the next attempt starts"
    document = after(document, *again.events)

    back = NOW  # the clock is set right again
    late = succeed(document, run=1, attempt_id=first, outcome=TEXT, duration_ms=1, now=back)
    assert [type(event) for event in late.events] == [AttemptDiscarded]
    assert deliver(document, retried=2, jti="jwt_3", now=back).answer is not None, "one live lease"
    done = succeed(
        document, run=1, attempt_id=attempt_of(document), outcome=TEXT, duration_ms=1, now=back
    )
    assert after(document, *done.events).status is Status.SUCCEEDED


def test_within_the_grace_a_small_step_ends_no_lease() -> None:
    document = processing()
    assert document.lease_until is not None

    just_over = document.lease_until + POLICY.grace - 1
    assert expire(document, now=just_over, policy=POLICY, detected_by="sweeper") == []
    assert expire(document, now=just_over + 1, policy=POLICY, detected_by="sweeper") != []


def attempt_of(document: Document) -> str:
    assert document.attempt_id is not None
    return document.attempt_id
