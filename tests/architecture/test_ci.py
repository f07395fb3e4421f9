"""What continuous integration runs, and what the tests do on a machine that lacks something."""

import os
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

NEEDS_A_BROWSER = "tests/browser/test_kit.py"


def test_continuous_integration_runs_the_scripts_that_people_run() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    order = [lines.index(each) for each in ("scripts/demo --once", "scripts/check")]
    assert order == sorted(order) and lines[-1] == "exec scripts/test"
    assert "for program in chromium pgbouncer; do" in lines, "what CONTRIBUTING.md says is skipped"
    assert "export CI=1" in lines and "set -euo pipefail" in lines


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)], ids=["at home", "in CI"])
def test_without_a_browser_its_tests_are_skipped_which_only_ci_takes_for_a_failure(
    ci: str, code: int
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "WAYBILL_TEST_BROWSER"}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", NEEDS_A_BROWSER],
        env={**kept, "PATH": "", "CI": ci},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout
    assert "no browser: install chromium" in done.stdout
    assert " passed" not in done.stdout and " failed" not in done.stdout
