"""`waybill replay` shows what was true then: the same as a fold of the events up to there."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from events.store import Recorded
from projections.documents import Documents, Tracked
from projections.views import view
from tests.data_folders import all_recorded, lively
from tests.fakes import FakeClock
from tests.integration.commands_support import waybill
from tests.stores import sqlite_log

DOCUMENTS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "data"
    asyncio.run(lively(folder, documents=DOCUMENTS))
    return folder


@pytest.fixture(scope="module")
def log(folder: Path) -> list[Recorded]:
    async def read() -> list[Recorded]:
        async with sqlite_log(folder, FakeClock()) as store:
            return await all_recorded(store)

    return asyncio.run(read())


def folded(log: Sequence[Recorded]) -> dict[str, Tracked]:
    """A fresh replay of these events."""
    states: dict[str, Tracked] = {}
    for event in log:
        key = event.fact.document_id
        states[key] = Documents().fold(states.get(key), event)
    return states


def objects_of(states: dict[str, Tracked]) -> list[Any]:
    newest_first = sorted(states.values(), key=lambda one: one.first_position, reverse=True)
    return [msgspec.to_builtins(view(one)) for one in newest_first]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.7, 1.0])
def test_documents_and_queue_are_those_of_a_fresh_replay(
    folder: Path, log: list[Recorded], share: float
) -> None:
    at = round(len(log) * share)
    states = folded(log[:at])

    told = waybill("replay", "--data", str(folder), "--as-of", str(at), "--json").objects

    [*documents, last] = told
    queue = last["queue"]
    counts = Counter(one.document.status.value for one in states.values())
    assert documents == objects_of(states)
    assert queue["position"] == at
    assert queue["waiting"] == counts["received"] + counts["queued"]
    assert queue["in_flight"] == counts["processing"]
    assert [queue[each] for each in ("retrying", "succeeded", "failed", "cancelled")] == [
        counts[each] for each in ("retrying", "succeeded", "failed", "cancelled")
    ]


def test_a_time_means_all_that_was_recorded_up_to_it(folder: Path, log: list[Recorded]) -> None:
    event = log[len(log) // 2]
    at = datetime.fromtimestamp(event.recorded_at / 1e6, UTC).isoformat()
    upto = [each for each in log if each.recorded_at <= event.recorded_at]

    told = waybill("replay", "--data", str(folder), "--as-of", at, "--json").objects

    assert told[:-1] == objects_of(folded(upto))
    assert told[-1]["queue"]["position"] == len(upto)


def test_for_people_there_is_a_line_for_each_document_and_one_for_the_queue(
    folder: Path, log: list[Recorded]
) -> None:
    done = waybill("replay", "--data", str(folder), "--as-of", "40", "--limit", "3", "--utc")

    lines = done.out.splitlines()
    assert (done.code, done.err, len(lines)) == (0, "", 4)
    assert lines[0].startswith("doc_")
    assert lines[-1].startswith("position 40, 2025-01-01 00:00:")
    assert " processing, " in lines[-1]


def test_played_as_quickly_as_possible_every_change_is_shown_once_in_order(
    folder: Path, log: list[Recorded]
) -> None:
    told = waybill("replay", "--data", str(folder), "--play", "max", "--json").objects

    assert [each["position"] for each in told] == [event.position for event in log]
    last = {each["document"]["id"]: each["document"] for each in told}
    assert last == {each["id"]: each for each in objects_of(folded(log))}


def test_a_stretch_begins_with_what_was_true_before_it(folder: Path, log: list[Recorded]) -> None:
    begin, end = len(log) // 2, len(log) // 2 + 40

    told = waybill(
        *("replay", "--data", str(folder), "--play", "1000000x", "--json"),
        *("--since", str(begin), "--as-of", str(end)),
    ).objects

    assert [each["position"] for each in told] == list(range(begin, end + 1))
    for each in told:
        states = folded(log[: each["position"]])
        assert each["document"] == json.loads(
            msgspec.json.encode(view(states[each["document"]["id"]]))
        )


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--play", "fast"), 2, "'fast' is no speed; write how many times quicker, as 60x, or max"),
        (("--play", "0x"), 2, "'0x' is no speed"),
        (("--play", "-2"), 2, "'-2' is no speed"),
        (("--since", "3"), 2, "--since says where to begin to play; add --play SPEED"),
        (("--as-of", "noon"), 2, "'noon' is neither a position nor a time"),
        (("--as-of", "99999"), 1, "the log ends at position"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    folder: Path, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    done = waybill("replay", "--data", str(folder), *arguments)

    assert (done.code, done.out) == (code, "")
    assert complaint in " ".join(done.err.replace("│", " ").split())
