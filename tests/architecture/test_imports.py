"""Imports go one way: the contracts in pyproject.toml hold."""

import pytest
from importlinter.cli import lint_imports

from tests.architecture.tree import ROOT


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert not broken, capsys.readouterr().out
