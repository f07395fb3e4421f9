"""Events as canonical JSON, and back."""

import json
from typing import get_args

import pytest
from msgspec.structs import replace

from events import codec
from events.document.facts import Cancelled, DocumentEvent, DocumentRegistered
from events.errors import InvalidEvent, UnknownEvent
from tests.golden.samples import SAMPLES


def test_every_event_type_has_a_name_of_its_own() -> None:
    names = [name for name, _ in codec.NAMES.values()]

    assert set(codec.NAMES) == set(get_args(DocumentEvent))
    assert len(set(names)) == len(names)


def test_every_old_version_can_be_read() -> None:
    codec.check_upcasts()


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
    with pytest.raises(UnknownEvent, match="document_teleported version 1"):
        codec.decode("document_teleported", 1, b"{}")


def test_a_newer_version_is_refused_instead_of_guessed() -> None:
    with pytest.raises(UnknownEvent, match="cancelled version 2"):
        codec.decode("cancelled", 2, b'{"document_id":"doc_1","run":1}')


def test_an_event_that_is_too_large_is_refused_with_its_size() -> None:
    event = replace(_registered(), name="x" * codec.MAX_EVENT_BYTES)

    with pytest.raises(InvalidEvent, match="store the content as an object"):
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
