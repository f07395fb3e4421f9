"""Every promise and every fault on the page about the log names tests, and they exist."""

import re

import pytest

from tests.architecture.tree import ROOT

PAGE = ROOT / "docs" / "log.md"
ROW = re.compile(r"^\| (F?\d+) \| .* \| (.*) \|$", re.MULTILINE)
TEST = re.compile(r"`([^`]+)::(\w+)`")

PROMISES = {str(number) for number in range(1, 26)}
FAULTS = {f"F{number}" for number in range(1, 20)}


def rows() -> dict[str, str]:
    return dict(ROW.findall(PAGE.read_text()))


def test_every_promise_and_every_fault_has_its_row() -> None:
    assert set(rows()) == PROMISES | FAULTS


@pytest.mark.parametrize("name", sorted(rows()))
def test_the_tests_of_a_row_exist(name: str) -> None:
    named = TEST.findall(rows()[name])

    assert named, f"{name} names no test"
    for path, test in named:
        text = (ROOT / "tests" / path).read_text()
        defined = rf"^(async def {test}\(|def {test}\(|class {test}\b|{test} = )"
        assert re.search(defined, text, re.MULTILINE), f"{path} has no {test}"
