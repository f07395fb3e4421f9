"""The API's description is the one that was promised, and its examples are what it describes."""

import json

import msgspec
import pytest

from service.web.described import KEY, Content, Described
from service.web.openapi import SCHEMAS, describe
from tests.golden.openapi import GOLDEN, golden_description, web_with_nothing_behind_it


def contents() -> list[Content]:
    """Every body of every route that has an example of a type of ours."""
    # In the same order in every process, so that tests can be shared out among several.
    routes = sorted(web_with_nothing_behind_it().routes, key=lambda route: route.path)
    handlers = [
        handler
        for route in routes
        for _, (handler, _) in sorted(getattr(route, "route_handler_map", {}).items())
    ]
    words = [handler.opt[KEY] for handler in handlers if KEY in handler.opt]
    every = [content for one in words for content in contents_of(one)]
    return [
        one for one in every if isinstance(one.shape, type) and one.example is not msgspec.UNSET
    ]


def contents_of(words: Described) -> list[Content]:
    return [*words.bodies, *(content for one in words.answers for content in one.contents)]


def test_the_description_is_the_golden_one() -> None:
    assert golden_description() == GOLDEN.read_text(), (
        "run scripts/docs, and look at the difference"
    )


def test_the_description_is_the_same_every_time() -> None:
    assert golden_description() == golden_description()


@pytest.mark.parametrize("content", contents(), ids=lambda one: one.shape.__name__)
def test_an_example_is_what_its_schema_says(content: Content) -> None:
    encoded = msgspec.json.encode(content.example)

    decoded = msgspec.json.decode(encoded, type=content.shape)

    assert json.loads(msgspec.json.encode(decoded)).items() >= json.loads(encoded).items()


def test_every_schema_that_is_named_is_there() -> None:
    description = describe(web_with_nothing_behind_it())
    text = json.dumps(description)
    named = {part.split('"')[0] for part in text.split(SCHEMAS)[1:]}

    assert named == set(description["components"]["schemas"])


def test_every_operation_and_parameter_says_what_it_is_for() -> None:
    paths = describe(web_with_nothing_behind_it())["paths"]
    operations = {
        f"{verb} {path}": one for path, verbs in paths.items() for verb, one in verbs.items()
    }

    silent = [name for name, one in operations.items() if not one["description"]]
    silent += [
        f"{name}: {parameter['name']}"
        for name, one in operations.items()
        for parameter in one.get("parameters", [])
        if not parameter["description"]
    ]

    assert silent == []
