"""What was stored once can be read for ever."""

from pathlib import Path

import pytest

from events import codec
from events.document.facts import DocumentEvent
from tests.golden.files import golden_files, type_and_version
from tests.golden.samples import SAMPLES

CURRENT = dict(codec.NAMES.values())


def test_every_event_type_has_its_golden_file() -> None:
    kept = {type_and_version(path) for path in golden_files()}
    needed = {(name, version) for name, last in CURRENT.items() for version in range(1, last + 1)}

    # `python -m tests.golden` writes what is missing of today; an old version has its file already.
    assert needed - kept == set()


def test_there_is_no_golden_file_of_an_event_that_cannot_be() -> None:
    for path in golden_files():
        type_name, version = type_and_version(path)
        assert 1 <= version <= CURRENT[type_name]


@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.stem)
def test_a_stored_event_decodes(path: Path) -> None:
    type_name, version = type_and_version(path)

    event = codec.decode(type_name, version, path.read_bytes())

    assert codec.NAMES[type(event)][0] == type_name


@pytest.mark.parametrize("path", golden_files(), ids=lambda path: path.stem)
def test_a_current_event_encodes_to_the_very_same_bytes(path: Path) -> None:
    type_name, version = type_and_version(path)
    stored = path.read_bytes()

    encoded = codec.encode(codec.decode(type_name, version, stored))

    # An old version is read and written anew under its current one.
    assert version < CURRENT[type_name] or encoded.data == stored


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_a_fact_of_today_is_the_fact_of_its_golden_file(event: DocumentEvent) -> None:
    type_name, version = codec.NAMES[type(event)]
    path = next(p for p in golden_files() if type_and_version(p) == (type_name, version))

    assert codec.decode(type_name, version, path.read_bytes()) == event
