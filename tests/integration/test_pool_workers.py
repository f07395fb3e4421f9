"""The life of worker processes: they are ended, missed, replaced, and never outlive the service."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from service.processing.limits import MEBIBYTE, Limits
from service.processing.outcome import Extracted
from service.processing.pool import Pool
from service.processing.result import read_summary
from tests.integration.commands_support import address_of, running, stop
from tests.integration.office import UVLOOP, Office, exists, failure, opened, until_gone

pytestmark = pytest.mark.anyio

on_both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", UVLOOP], ids=["plain", "uv"])

_SERVICE = """
import asyncio, sys
from pathlib import Path
from service.processing.pool import Pool
from service.processing.registry import load_processors

async def main():
    own = load_processors("hang=tests.integration.hostile_processors:hang")
    async with Pool(own, size=2) as pool:
        def begun(done, total):
            sys.stdout.write(" ".join(map(str, pool.pids)) + "\\n")
            sys.stdout.flush()
        await pool.run("hang", document_id="doc_1", run=1, attempt=1, path=Path(sys.argv[1]),
                       output=Path(sys.argv[2]), on_progress=begun)

asyncio.run(main())
"""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return UVLOOP


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as office:
        yield office


def started_service(*arguments: Path) -> subprocess.Popen[str]:
    """Another process that keeps a pool, and names its workers when they are at work."""
    return subprocess.Popen(
        [sys.executable, "-c", _SERVICE, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@on_both_loops
async def test_a_hanging_document_is_ended_at_its_time_and_its_worker_replaced(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, limits=Limits(seconds=0.5)) as office:
        (before,) = office.pool.pids

        outcome = failure(await office.run("hang"))

        assert outcome.code == "timed_out"
        assert "0.5 seconds" in outcome.message
        assert not office.output.exists()
        await until_gone(before)
        assert isinstance(await office.run("leave_nothing"), Extracted)


async def test_what_a_processor_started_ends_with_its_worker(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=Limits(seconds=1)) as office:
        failure(await office.run("hang_with_a_child"))

        await until_gone(int((tmp_path / "child.pid").read_text()))


@on_both_loops
async def test_cancelling_a_run_kills_its_work_and_frees_its_place(office: Office) -> None:
    (before,) = office.pool.pids
    begun = asyncio.Event()
    run = asyncio.create_task(office.run("hang", lambda _, __: begun.set()))
    await begun.wait()

    run.cancel()
    await asyncio.wait([run])

    assert run.cancelled()
    assert not exists(before)
    assert not office.output.exists()
    assert office.pool.free == 1
    assert isinstance(await office.run("count_words"), Extracted)


async def test_a_caller_that_fails_over_progress_ends_the_work(office: Office) -> None:
    def refuse(done: int, total: int | None) -> None:
        raise RuntimeError("the log is gone")

    with pytest.raises(RuntimeError, match="the log is gone"):
        await office.run("hang", refuse)

    assert office.pool.free == 1
    assert isinstance(await office.run("count_words"), Extracted)


async def test_a_worker_killed_in_its_sleep_is_not_missed(office: Office) -> None:
    await office.run("leave_nothing")
    (before,) = office.pool.pids
    os.kill(before, signal.SIGKILL)
    await until_gone(before)

    assert isinstance(await office.run("count_words"), Extracted)


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
async def test_a_machine_that_starts_no_worker_is_an_outcome_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", python)
        async with opened(tmp_path) as office:
            assert failure(await office.run("count_words")).code == "worker_unavailable"
            assert office.pool.free == 1

            broken.undo()

            assert isinstance(await office.run("count_words"), Extracted)


async def test_a_termination_meant_for_all_processes_leaves_the_worker_at_work(
    office: Office,
) -> None:
    await office.run("leave_nothing")
    (before,) = office.pool.pids

    os.kill(before, signal.SIGTERM)

    assert isinstance(await office.run("count_words"), Extracted)
    assert office.pool.pids == [before]


async def test_a_worker_is_replaced_after_so_many_documents(tmp_path: Path) -> None:
    async with opened(tmp_path, tasks_per_worker=2) as office:
        pids = []
        for _ in range(5):
            pids += office.pool.pids
            assert isinstance(await office.run("leave_nothing"), Extracted)

    assert len(set(pids)) == 3


async def test_a_worker_that_keeps_too_much_memory_is_replaced(tmp_path: Path) -> None:
    async with opened(tmp_path, resident_bytes=80 * MEBIBYTE) as office:
        (before,) = office.pool.pids

        assert isinstance(await office.run("keep_much_memory"), Extracted)

        assert office.output.exists()
        assert office.pool.pids != [before]


async def test_workers_see_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSTASH_TOKEN", "very secret")
    async with opened(tmp_path) as office:
        await office.run("show_environment")

    with office.output.open("rb") as lines:
        assert read_summary(lines).metadata == {"names": []}


@on_both_loops
async def test_closing_ends_runs_and_waiters_with_an_outcome(tmp_path: Path) -> None:
    begun = asyncio.Event()
    async with opened(tmp_path) as office:
        (pid,) = office.pool.pids
        runs = [
            asyncio.create_task(office.run("hang", lambda _, __: begun.set())) for _ in range(3)
        ]
        await begun.wait()

    outcomes = [failure(await run).code for run in runs]

    assert outcomes == ["interrupted"] * 3
    assert failure(await office.run("count_words")).code == "interrupted"
    assert not office.output.exists()
    assert not exists(pid)


async def test_workers_die_with_a_service_that_is_killed(tmp_path: Path) -> None:
    with started_service(tmp_path / "in", tmp_path / "out") as service:
        assert service.stdout is not None
        pids = [int(word) for word in service.stdout.readline().split()]
        assert [exists(pid) for pid in pids] == [True, True]

        service.kill()

    await until_gone(*pids)


async def test_without_a_number_there_is_one_worker_for_each_core_that_we_may_use(
    tmp_path: Path,
) -> None:
    ours = os.sched_getaffinity(0)
    assert Pool({}).size == len(ours)
    try:
        os.sched_setaffinity(0, {min(ours)})
        assert Pool({}).size == 1
    finally:
        os.sched_setaffinity(0, ours)

    log = tmp_path / "log"
    arguments = ("serve", "--data", str(tmp_path / "data"), "--port", "0")
    with running(*arguments, more={"WAYBILL_BROKER_PROCESS": "inside"}, log=log) as process:
        address_of(process, log)
        workers = [one for one in psutil.Process(process.pid).children() if is_worker(one)]
        stop(process)

    assert len(workers) == len(ours)


def is_worker(process: psutil.Process) -> bool:
    return "service.processing.worker" in process.cmdline()
