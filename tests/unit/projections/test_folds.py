"""The folds: pure, stored and read back as they were, and the same for any past moment."""

import copy
from typing import Any

import msgspec
import pytest

from events.document.duties import tidying
from events.document.facts import TransportObserved
from events.store import Recorded
from projections import PROJECTIONS
from projections.documents import Documents, Tracked
from projections.projection import Projection
from projections.queues import MINUTE, Minute, QueueMinutes
from tests.facts import failed, interleaved, life, published, recorded, registered, started
from tests.fakes import START

ALL = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)


def folded(projection: Projection[Any], log: list[Recorded]) -> dict[str, Any]:
    """Every row of the projection after this log."""
    states: dict[str, Any] = {}
    for event in log:
        key = projection.key(event)
        if key is not None:
            states[key] = projection.fold(states.get(key), event)
    return states


def document(log: list[Recorded]) -> Tracked:
    [state] = folded(Documents(), log).values()
    assert isinstance(state, Tracked)
    return state


def minutes(log: list[Recorded]) -> list[Minute]:
    return list(folded(QueueMinutes(), log).values())


LOG = recorded(interleaved([life(f"d{number}") for number in range(5)]))


@ALL
def test_the_same_log_gives_the_same_rows(projection: Projection[Any]) -> None:
    assert folded(projection, LOG) == folded(projection, copy.deepcopy(LOG))


@ALL
def test_a_fold_leaves_what_it_was_given_as_it_was(projection: Projection[Any]) -> None:
    states: dict[str, Any] = {}
    for event in LOG:
        key = projection.key(event)
        if key is None:
            continue
        before = states.get(key)
        was = copy.deepcopy(before)
        states[key] = projection.fold(before, event)
        assert before == was


@ALL
def test_a_state_is_stored_and_read_back_as_it_was(projection: Projection[Any]) -> None:
    for state in folded(projection, LOG).values():
        assert projection.decode(projection.encode(state)) == state


@ALL
def test_a_fold_that_was_stored_half_way_goes_on_as_if_it_had_not(
    projection: Projection[Any],
) -> None:
    for cut in range(len(LOG)):
        states = {
            key: projection.decode(projection.encode(state))
            for key, state in folded(projection, LOG[:cut]).items()
        }
        for event in LOG[cut:]:
            key = projection.key(event)
            if key is not None:
                states[key] = projection.fold(states.get(key), event)
        assert states == folded(projection, LOG)


@ALL
def test_every_column_of_the_table_has_a_value(projection: Projection[Any]) -> None:
    for state in folded(projection, LOG).values():
        wanted = {column.name for column in projection.table.columns} - {"key", "state"}
        assert set(projection.columns(state)) == wanted


@ALL
def test_a_state_is_readable_json(projection: Projection[Any]) -> None:
    for state in folded(projection, LOG).values():
        assert isinstance(msgspec.json.decode(projection.encode(state)), dict)


def test_a_document_s_row_tells_when_it_was_heard_of() -> None:
    log = recorded([registered(), *published(), *started()])

    seen = document(log)

    assert (seen.first_position, seen.position, seen.version) == (1, 5, 5)
    assert (seen.created_at, seen.updated_at) == (log[0].recorded_at, log[-1].recorded_at)
    assert seen.heard_at == log[3].recorded_at
    assert document(log[:2]).heard_at is None


def test_our_own_withdrawal_is_no_word_from_qstash() -> None:
    withdrawn = TransportObserved(
        document_id="d1",
        kind="withdrawal",
        message_id="msg_d1_1",
        state="cancelled",
        status=None,
        retried=0,
        max_retries=None,
        dlq_id=None,
        final=True,
    )
    log = recorded([registered(), *published(), withdrawn])

    assert document(log).heard_at == log[2].recorded_at


def test_a_row_is_open_until_the_document_is_final_and_qstash_is_tidy() -> None:
    rows = Documents()

    def is_open(upto: int) -> bool:
        return bool(rows.columns(document(recorded(life()[:upto])))["open"])

    assert all(is_open(upto) for upto in range(1, len(life())))
    assert not is_open(len(life()))
    assert tidying(document(recorded(life())).document) == []


def test_a_minute_counts_what_was_recorded_in_it() -> None:
    story = [*life("d1"), registered("d2"), *started("d2"), *failed("d2", last=True)]

    [minute] = minutes(recorded(story, at=START, apart=1))

    assert minute.minute == START // MINUTE
    assert (minute.received, minute.started, minute.succeeded) == (2, 3, 1)
    assert (minute.retried, minute.failed) == (1, 1)
    assert sum(minute.waiting_ms.values()) == 3
    assert sum(minute.processing_ms.values()) == 3


def test_each_minute_has_a_row_of_its_own() -> None:
    log = recorded(life(), at=START, apart=MINUTE)

    found = minutes(log)

    assert len(found) == len({one.minute for one in found})
    assert sum(one.started for one in found) == 2
    assert sum(one.received for one in found) == 1
