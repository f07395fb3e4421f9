"""What is refused before it waits: alone, and with the field named."""

from typing import Any

import pytest
from msgspec.structs import replace

from events.errors import InvalidEvent
from events.intake import MAX_META_BYTES, admit
from events.store import ANY, Append, document_stream
from tests.stores import append, new_event


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", ""),
        ("event_id", "event-1"),
        ("event_id", "01890A5D-AC96-774B-BCCE-B302099A8057"),
        ("event_id", "01890a5dac96774bbcceb302099a8057"),
        ("event_id", "01890a5d-ac96-774b-bcce-b302099a8057\n"),
        ("correlation_id", ""),
        ("correlation_id", "x" * 256),
        ("correlation_id", "a\x00b"),
        ("causation_id", ""),
        ("causation_id", "é"),
        ("occurred_at", -1),
        ("occurred_at", 1.5),
        ("occurred_at", True),
        ("occurred_at", 2**63),
        ("meta", {"node": 7}),
        ("meta", {"node": None}),
        ("meta", {"node": "x" * MAX_META_BYTES}),
        ("meta", {"node": "\ud800"}),
        ("meta", {"node": object()}),
    ],
)
def test_an_envelope_that_is_not_canonical_names_its_field(field: str, value: Any) -> None:
    event = replace(new_event(), **{field: value})

    with pytest.raises(InvalidEvent, match=rf"^{field} is .*; it takes "):
        admit(Append(stream="a", expected=0, events=[event]))


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a\x00", "é", "x" * 256])
def test_a_stream_has_a_printable_name(name: str) -> None:
    with pytest.raises(InvalidEvent, match=r"^stream is"):
        admit(append(name, 0, "x"))


@pytest.mark.parametrize("expected", [-2, 2**63])
def test_an_expected_version_is_a_version(expected: int) -> None:
    with pytest.raises(InvalidEvent, match=r"^expected is"):
        admit(append("a", expected, "x"))


def test_a_document_is_never_written_at_any_version() -> None:
    with pytest.raises(InvalidEvent, match=r"was decided on"):
        admit(append(document_stream("d1"), ANY, "x"))

    assert admit(append("usage", ANY, "x")).expected == ANY


def test_an_append_holds_an_event() -> None:
    with pytest.raises(InvalidEvent, match=r"^events is"):
        admit(append("a", 0))


def test_the_size_is_that_of_the_stored_bytes() -> None:
    admitted = admit(append("a", 0, "x", "y"))

    assert admitted.size == sum(len(one.encoded.data) + len(one.meta) for one in admitted.events)


def test_what_is_stored_may_be_another_form_of_the_fact() -> None:
    plain = append("a", 0, "secret")
    sealed = [replace(one, fact=replace(one.fact, reason="sealed")) for one in plain.events]

    [ready] = admit(plain, sealed=sealed).events

    assert b"secret" not in ready.encoded.data
    assert ready.event.fact == plain.events[0].fact
