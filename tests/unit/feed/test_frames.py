"""No value can break out of its message, and a message that was cut off is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feed import frames
from tests.feed_reader import parsed
from tests.golden.feed.stream import GOLDEN, NASTY, a_document


@given(st.text(), st.text())
def test_no_value_can_begin_a_field_of_its_own(name: str, error: str) -> None:
    tracked = a_document(name=name, error=error)

    frame = frames.status(tracked, "k3f9-1-9ab3c1")

    lines = frame.data.split(b"\n")
    assert [line.partition(b":")[0] for line in lines] == [b"event", b"data", b"id", b"", b""]
    assert b"\r" not in frame.data
    assert b"\0" not in frame.data
    assert len(frame.data.decode().splitlines()) == 4


def test_a_state_survives_the_way_whatever_is_in_it() -> None:
    [event] = parsed(frames.status(a_document(name=NASTY), "k3f9-1-9ab3c1").data.decode())

    assert event.data["name"] == NASTY


def test_the_state_of_a_frame_is_its_data() -> None:
    frame = frames.status(a_document(), "k3f9-1-9ab3c1")

    [event] = parsed(frame.data.decode())
    assert json.loads(frame.state) == event.data


@pytest.mark.parametrize("name", GOLDEN)
def test_the_id_of_a_message_is_its_last_line(name: str) -> None:
    lines = GOLDEN[name].decode().rstrip("\n").split("\n")

    assert [line for line in lines[:-1] if line.startswith("id:")] == []


@pytest.mark.parametrize("name", GOLDEN)
def test_a_message_cut_anywhere_is_no_message_to_a_careful_reader(name: str) -> None:
    whole = GOLDEN[name].decode()

    for length in range(len(whole)):
        *complete, _rest = whole[:length].split("\n\n")
        assert complete == []


def test_a_snapshot_is_cut_into_parts_of_so_many_documents() -> None:
    states = [frames.unknown(f"d{number}") for number in range(2 * frames.PART_DOCUMENTS + 1)]

    parts = _told(frames.snapshot(states, "k3f9-1-9ab3c1", more=False))

    assert [len(part["docs"]) for part in parts] == [frames.PART_DOCUMENTS] * 2 + [1]
    assert [part["part"] for part in parts] == [1, 2, 3]
    assert [part["last"] for part in parts] == [False, False, True]


def test_a_snapshot_is_cut_into_parts_of_so_many_bytes() -> None:
    states = [frames.known(a_document(name="n" * 30_000)) for _ in range(5)]

    parts = frames.snapshot(states, "k3f9-1-9ab3c1", more=False)

    assert len(parts) == 3
    assert all(len(part) < frames.PART_BYTES + 200 for part in parts)


def test_only_the_last_part_has_an_id() -> None:
    states = [frames.unknown(f"d{number}") for number in range(frames.PART_DOCUMENTS + 1)]

    first, last = (
        event
        for part in frames.snapshot(states, "k3f9-1-9ab3c1", more=False)
        for event in parsed(part.decode())
    )

    assert first.id is None
    assert last.id == "k3f9-1-9ab3c1"


def test_a_snapshot_of_nothing_is_still_said() -> None:
    [part] = _told(frames.snapshot([], "k3f9-0-000000", more=False))

    assert part == {"part": 1, "last": True, "more": False, "docs": []}


def _told(parts: list[bytes]) -> list[dict[str, Any]]:
    return [event.data for part in parts for event in parsed(part.decode())]
