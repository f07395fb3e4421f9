"""Fixtures that every level shares, and the rule that continuous integration skips nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import FakeClock

_skipped: list[str] = []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until a test moves it."""
    return FakeClock()


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "waybill-data"
    folder.mkdir()
    return folder


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes our own settings out of the environment: no developer's shell changes a test."""
    for name in [name for name in os.environ if name.startswith(("WAYBILL_", "QSTASH_"))]:
        monkeypatch.delenv(name)
    yield


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration a skipped test is a failed one: a green run has run everything."""
    if os.environ.get("CI") and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") and _skipped:
        terminalreporter.section("skipped, which continuous integration does not allow", red=True)
        for node in _skipped:
            terminalreporter.line(node)
