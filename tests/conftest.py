"""Fixtures that every level shares, and the rule that continuous integration skips nothing."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import certifi
import pytest

from tests.fakes import FakeClock

HERE = Path(__file__).parent
DEAR_FIRST = ("journey", "property", "browser", "faults", "integration", "contract")
PEM_END = "-----END CERTIFICATE-----\n"

_skipped: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """One authority is enough, as nothing here speaks TLS: to read them all takes each new client
    40 ms of work, which is nearly all that a test does that asks until something is true."""
    first, end, _ = Path(certifi.where()).read_text().partition(PEM_END)
    with NamedTemporaryFile("w", prefix="waybill-authority-", delete=False) as file:
        file.write(first + end)
    os.environ["SSL_CERT_FILE"] = file.name
    config.add_cleanup(Path(file.name).unlink)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for other processes."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, the long ones begin: one that began last would have
    everybody wait for it. Alone, cheap ones come first, as the folders are named."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(item.path.relative_to(HERE).parts[0]))


def _rank(folder: str) -> int:
    return DEAR_FIRST.index(folder) if folder in DEAR_FIRST else len(DEAR_FIRST)


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
