"""A broker that cannot start says so in one line: what, which, and what to do."""

import asyncio
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from service.beside import BrokerProcess
from service.broker.presence import Presence, is_open
from service.hosting import AddressUnusable, bind
from service.opening import opening
from service.settings import SettingsError
from tests.brokers import migrated
from tests.integration.commands_support import PATIENCE_SECONDS, running, waybill


def a_file(data: Path) -> None:
    data.touch()


def no_database(data: Path) -> None:
    data.mkdir()
    (data / "broker.db").write_bytes(b"this is no database, it is a letter")


def of_a_newer_version(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(migrated(data))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def an_empty_token(data: Path) -> None:
    data.mkdir()
    (data / "broker.token").touch()


def another_folder_in_its_place(data: Path) -> None:
    (data / "broker.db").mkdir(parents=True)


TROUBLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file": (a_file, "the data folder {data} cannot be written to: "),
    "no database": (no_database, "{data}/broker.db is not a database, or a damaged one; "),
    "a newer one": (of_a_newer_version, "{data}/broker.db was made by a newer Waybill: "),
    "no token": (an_empty_token, "{data}/broker.token is empty; remove it"),
    "a folder": (another_folder_in_its_place, "{data}/broker.db cannot be opened or written; "),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("command", ["broker", "serve"])
def test_what_is_wrong_with_its_folder_is_told_in_one_line(
    tmp_path: Path, command: str, trouble: str
) -> None:
    data = tmp_path / "data"
    spoil, text = TROUBLES[trouble]
    spoil(data)

    done = waybill(command, "--data", str(data), "--port", "0")

    assert (done.code, done.out) == (2, "")
    said = complaint(done.err)
    assert said.startswith(text.format(data=data))
    assert any(advice in said for advice in ("or name another folder", "run the newer", "remove"))


@pytest.mark.parametrize("process", ["inside", "beside"])
def test_a_port_of_the_service_s_broker_that_is_taken_is_told_in_one_line(
    tmp_path: Path, process: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = {"WAYBILL_BROKER_PORT": str(port), "WAYBILL_BROKER_PROCESS": process}

        done = waybill("serve", "--data", str(tmp_path / "data"), "--port", "0", more=more)

    assert (done.code, done.out) == (1, "")
    said = complaint(done.err)
    assert said.startswith(f"port {port} of 127.0.0.1 is taken")
    assert said.endswith("take any free port with WAYBILL_BROKER_PORT=0")


def test_a_host_that_is_nobody_s_is_told_in_one_line(tmp_path: Path) -> None:
    done = waybill("broker", "--data", str(tmp_path / "data"), "--host", "203.0.113.1")

    assert (done.code, done.out) == (1, "")
    assert complaint(done.err).startswith("cannot listen on port 8322 of 203.0.113.1: ")


def test_a_file_that_another_program_holds_is_told_in_one_line(tmp_path: Path) -> None:
    file = migrated(tmp_path)
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as holder,
        closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other,
    ):
        holder.execute("BEGIN IMMEDIATE")

        with pytest.raises(SettingsError) as refused, opening(file):
            other.execute("BEGIN IMMEDIATE")

    assert refused.value.problems == (
        f"{file} is held by another program, which does not let go of it; "
        "stop that one, or name another folder with --data",
    )


def test_a_mistake_of_our_own_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "file")) as connection,
        pytest.raises(sqlite3.OperationalError),
        opening(tmp_path / "file"),
    ):
        connection.execute("SELECT nothing FROM nowhere")


def test_a_broker_s_process_that_ends_before_it_listens_is_told_in_one_line(
    tmp_path: Path,
) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    with running("serve", "--data", str(data), "--port", "0", log=log) as server:
        child = first_child(server.pid)
        os.kill(child, signal.SIGKILL)

        assert server.wait(PATIENCE_SECONDS) == 1

    assert complaint(log.read_text()) == (
        "the broker's process ended with code -9 before it listened; it may have said why above, "
        f"or does if it is started alone: `waybill broker --data {data}`"
    )


def test_a_stop_that_reaches_the_broker_s_process_too_early_is_a_stop_and_no_trouble(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with running("serve", "--data", str(tmp_path / "data"), "--port", "0", log=log) as server:
        child = first_child(server.pid)

        # As Ctrl-C does while both are in one group, for a moment; then it ends the child at once.
        server.send_signal(signal.SIGINT)
        os.kill(child, signal.SIGTERM)

        assert server.wait(PATIENCE_SECONDS) == 0

    assert "waybill: " not in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.anyio
async def test_a_port_that_an_earlier_broker_lets_go_of_is_waited_for(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    migrated(data)
    taken = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    earlier = Presence(data / "broker.db")
    process = BrokerProcess(data, lingers=lambda: is_open(data / "broker.db"))

    starting = asyncio.create_task(process.start(port))
    await asyncio.sleep(0)
    with pytest.raises(AddressUnusable):
        bind("127.0.0.1", port)
    taken.close()
    earlier.close()

    assert await starting == f"http://127.0.0.1:{port}"
    await process.stop()


@pytest.mark.anyio
async def test_a_port_that_somebody_else_has_is_not_waited_for(tmp_path: Path) -> None:
    looks = 0

    def lingers() -> bool:
        nonlocal looks
        looks += 1
        return is_open(migrated(tmp_path))

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AddressUnusable):
        await BrokerProcess(tmp_path, lingers=lingers).start(taken.getsockname()[1])

    assert looks == 1


def first_child(pid: int) -> int:
    """The broker's process, before it says anything: Python alone takes longer to start."""
    process = psutil.Process(pid)
    while not (children := process.children()):
        assert process.is_running()
    found: int = children[0].pid
    return found


def complaint(errors: str) -> str:
    """The one line that is for people; log lines are JSON."""
    [line] = [line for line in errors.splitlines() if not line.startswith("{")]
    return line.removeprefix("waybill: ")
