"""A round of another job queue: its workers and producers are real processes."""

import sys
from pathlib import Path

import pytest

from benchmarks.job_run import NUMBERS, Load, drain, progress_of
from benchmarks.peers.progress import Progress

pytestmark = pytest.mark.anyio
PROGRAM = (sys.executable, "-m", "tests.job_peer")
LOAD = Load(jobs=50, batch=1, workers=1, producers=1)


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """An empty folder for the workers' counts."""
    folder = tmp_path / "counts"
    folder.mkdir()
    return folder


async def test_a_round_ends_with_the_last_job(tmp_path: Path, counts: Path) -> None:
    drained = await drain(PROGRAM, str(tmp_path), counts, LOAD)

    assert drained.jobs == 50
    assert drained.rate > 0
    assert drained.on("Store 2").version == "Least 1, Store 2"


async def test_a_peer_that_does_not_start_is_named(tmp_path: Path, counts: Path) -> None:
    with pytest.raises(RuntimeError, match="no_such_peer work ended before it was ready"):
        await drain((sys.executable, "-m", "no_such_peer"), str(tmp_path), counts, LOAD)


async def test_jobs_that_ran_twice_make_no_figure(tmp_path: Path, counts: Path) -> None:
    (counts / "another-worker").write_bytes(NUMBERS.pack(1.0, 60))

    with pytest.raises(RuntimeError, match="jobs ran of 50"):
        await drain(PROGRAM, str(tmp_path), counts, LOAD)


def test_what_a_worker_counts_can_be_read_while_it_runs(counts: Path) -> None:
    progress = Progress(str(counts))
    before = progress_of(counts)

    progress.ran()
    progress.ran()

    count, newest = progress_of(counts)
    assert before == (0, 0.0)
    assert count == 2
    assert newest > 0
