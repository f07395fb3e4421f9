"""Events as canonical JSON, and back."""

import json
from typing import get_args

import pytest
from msgspec.structs import replace

from events import codec
from events.document.facts import (
    Cancelled,
    CancelRequested,
    DocumentEvent,
    DocumentRegistered,
)
from events.errors import InvalidEvent, UnknownEvent
from tests.golden.samples import SAMPLES


def test_every_event_type_has_a_name_of_its_own() -> None:
    names = [name for name, _ in codec.NAMES.values()]

    assert set(codec.NAMES) == set(get_args(DocumentEvent))
    assert len(set(names)) == len(names)


def moved_to(text: str) -> codec.Upcast:
    return lambda content: {**content, "reason": content["reason"] + text}


CHAIN = {
    ("cancel_requested", 1): moved_to(" by hand"),
    ("cancel_requested", 2): moved_to(", at last"),
}


def test_an_old_version_goes_step_by_step_to_the_current_one() -> None:
    of_today = codec.Codec({CancelRequested: ("cancel_requested", 3)}, CHAIN)

    read = [
        of_today.decode("cancel_requested", v, b'{"by":"ann","document_id":"a","reason":"stop"}')
        for v in (1, 2, 3)
    ]

    assert [event.reason for event in read if isinstance(event, CancelRequested)] == [
        "stop by hand, at last",
        "stop, at last",
        "stop",
    ]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_gap_in_a_chain_of_versions_fails_at_the_start(missing: int) -> None:
    gap = {step: upcast for step, upcast in CHAIN.items() if step[1] != missing}

    with pytest.raises(InvalidEvent, match=rf"cancel_requested version {missing} has no upcast"):
        codec.Codec({CancelRequested: ("cancel_requested", 3)}, gap)


def test_an_upcast_that_stumbles_over_its_data_says_what_it_could_not_read() -> None:
    of_today = codec.Codec({CancelRequested: ("cancel_requested", 3)}, CHAIN)

    with pytest.raises(UnknownEvent, match=r"cancel_requested version 1, .* damaged"):
        of_today.decode("cancel_requested", 1, b'{"by":"ann"}')


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("bytes", 1.5, r"Expected `int \| null`, got `float` - at `\$.bytes`"),
        ("bytes", 2.0, "got `float`"),
        ("bytes", True, "got `bool`"),
        ("bytes", "7", "got `str`"),
        ("bytes", 2**63, "bytes is 9223372036854775808; a number lies between"),
        ("received_at", -(2**63) - 1, "received_at is -9223372036854775809"),
        ("received_at", None, r"at `\$.received_at`"),
        ("received_at", float("nan"), "received_at"),
        ("source", "somewhere", r"at `\$.source`"),
        ("name", 7, r"at `\$.name`"),
        ("name", b"bytes", "name is of another type"),
        ("name", "\ud800", "name: .* surrogates not allowed"),
        ("name", object(), "name: .* unsupported"),
    ],
)
def test_what_could_not_be_read_back_is_refused_with_its_field(
    field: str, value: object, told: str
) -> None:
    event = replace(_registered(), **{field: value})

    with pytest.raises(InvalidEvent, match=told):
        codec.encode(event)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
def test_a_number_that_every_database_holds_is_stored(number: int) -> None:
    event = replace(_registered(), bytes=number)

    assert codec.decode("document_registered", 1, codec.encode(event).data) == event


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"document_id":1}', b"null"])
def test_damaged_data_is_an_unknown_event_not_another_error(data: bytes) -> None:
    with pytest.raises(UnknownEvent, match=r"it is damaged"):
        codec.decode("cancelled", 1, data)


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: DocumentEvent) -> None:
    encoded = codec.encode(event)

    assert codec.decode(encoded.type, encoded.schema_version, encoded.data) == event


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_the_stored_form_has_sorted_keys_no_spaces_and_no_fractions(event: DocumentEvent) -> None:
    data = codec.encode(event).data

    content = json.loads(data, parse_float=_refuse)
    compact = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data == compact.encode()


def test_a_type_that_this_version_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(UnknownEvent, match=r"document_teleported version 1"):
        codec.decode("document_teleported", 1, b"{}")


def test_a_newer_version_is_refused_instead_of_guessed() -> None:
    with pytest.raises(UnknownEvent, match=r"cancelled version 2"):
        codec.decode("cancelled", 2, b'{"document_id":"doc_1","run":1}')


def test_an_event_that_is_too_large_is_refused_with_its_size() -> None:
    event = replace(_registered(), name="x" * codec.MAX_EVENT_BYTES)

    with pytest.raises(InvalidEvent, match=r"store the content as an object"):
        codec.encode(event)


def test_a_field_that_was_added_later_takes_its_default() -> None:
    stored = json.loads(codec.encode(_registered()).data)
    del stored["tenant"]

    event = codec.decode("document_registered", 1, json.dumps(stored).encode())

    assert event == _registered()


def test_a_field_that_a_newer_minor_change_added_is_passed_over() -> None:
    event = codec.decode("cancelled", 1, b'{"document_id":"doc_1","run":1,"mood":"calm"}')

    assert event == Cancelled(document_id="doc_1", run=1)


def _registered() -> DocumentRegistered:
    event = SAMPLES[DocumentRegistered]
    assert isinstance(event, DocumentRegistered)
    return event


def _refuse(number: str) -> float:
    raise AssertionError(f"{number} is a fraction")
