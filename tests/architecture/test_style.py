"""What the linter cannot see: the size of files, their docstrings, what they must not mention."""

import ast
import json
import re

import pytest

from tests.architecture.tree import CODE, PACKAGES, every_file, modules_of, short

LONGEST_MODULE = 300
"""At this length ask which second question moved in."""

BINARY = {".png", ".jpg", ".ico", ".pdf", ".woff2", ".ttf"}
MACHINE_PATH = re.compile(rf"(?<![\w.~*-])/({'|'.join(('tmp', 'work', 'root', 'home', 'opt'))})/")
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X{3})\b")
BARE_IGNORE = re.compile(r"#\s*type:\s*ignore(\[[\w\s,-]+\])?\s*$")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in every_file():
        if path.suffix in BINARY:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{short(path)}:{number}: {line.strip()[:100]}")
    return found


def test_no_module_is_longer_than_one_can_hold() -> None:
    lengths = {short(path): len(path.read_text().splitlines()) for path in modules_of(*PACKAGES)}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        short(path)
        for path in modules_of(*CODE)
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_no_file_names_a_place_on_somebody_s_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(UNFINISHED) == []


def test_an_ignored_type_error_has_its_reason_beside_it() -> None:
    assert lines_with(BARE_IGNORE) == []


@pytest.mark.parametrize("lock", ["run", "dev", "bench"])
def test_a_lock_pins_with_hashes_and_names_no_address(lock: str) -> None:
    [path] = [path for path in every_file() if short(path) == f"requirements/{lock}.lock"]
    lines = path.read_text().splitlines()

    pinned = [line for line in lines if line and line[0].isalpha()]

    assert pinned
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []
    assert [line for line in lines if "://" in line or "index" in line] == []


@pytest.mark.parametrize("folder", ["tests/contract/javascript", "benchmarks/peers/javascript"])
def test_a_lock_of_javascript_pins_with_hashes_and_names_no_registry(folder: str) -> None:
    [path] = [path for path in every_file() if short(path) == f"{folder}/package-lock.json"]
    packages = json.loads(path.read_text())["packages"].items()

    assert [name for name, each in packages if name and not each.get("integrity")] == []
    assert [name for name, each in packages if "resolved" in each] == []
