"""Imports go one way: the contracts in pyproject.toml hold."""

import logging
from collections.abc import Iterator

import pytest
from importlinter.cli import lint_imports

from tests.architecture.tree import ROOT


@pytest.fixture(autouse=True)
def _loggers_stay_enabled() -> Iterator[None]:
    """The linter disables every logger that there is, and others test what these say."""
    loggers = logging.Logger.manager.loggerDict.values()
    enabled = [one for one in loggers if isinstance(one, logging.Logger) and not one.disabled]
    yield
    for one in enabled:
        one.disabled = False


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert not broken, capsys.readouterr().out
