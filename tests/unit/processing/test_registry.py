"""Processors are found by name and checked without being imported."""

import sys

import pytest

from service.processing.registry import ProcessorSpec, UnknownProcessor, load_processors


def test_the_built_in_processors_are_always_there() -> None:
    assert set(load_processors()) == {"pdf-text", "none"}


def test_only_the_processor_that_does_nothing_runs_inline() -> None:
    inline = {name for name, spec in load_processors().items() if spec.inline}

    assert inline == {"none"}


def test_own_processors_are_added_by_name_and_target() -> None:
    found = load_processors(" ocr = json.tool:main , other=json:dumps,")

    assert found["ocr"] == ProcessorSpec(name="ocr", target="json.tool:main")
    assert found["other"].target == "json:dumps"


def test_checking_a_processor_does_not_import_it() -> None:
    assert "shelve" not in sys.modules

    load_processors("web=shelve:open")

    assert "shelve" not in sys.modules


def test_a_module_in_folders_without_init_files_is_found() -> None:
    assert "words" in load_processors("words=tests.integration.hostile_processors:count_words")


def test_a_compiled_module_is_accepted_by_its_name() -> None:
    assert "roots" in load_processors("roots=_bisect:bisect")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("ocr=no_such_package.ocr:run", "not installed here"),
        ("ocr=json.no_such_module:run", "not installed here"),
        ("ocr=json.tool.deeper:run", "not installed here"),
        ("ocr=json:no_such_function", "'no_such_function'.*does not define"),
        ("ocr=asyncio.tasks:sleep", "async function"),
        ("ocr", "name=package.module:callable"),
        ("ocr=json", "name=package.module:callable"),
        ("=json:dumps", "name=package.module:callable"),
        ("ocr=json:dumps(1)", "name=package.module:callable"),
        ("none=json:dumps", "already defined"),
        ("a=json:dumps,a=json:loads", "already defined"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_with_what_to_do(own: str, words: str) -> None:
    with pytest.raises(UnknownProcessor, match=words):
        load_processors(own)
