"""The demo: everything ends as it should, and nothing of it stays behind."""

import os
import re
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.integration.commands_support import next_line, running, stop, waybill

GREETING = "Waybill is at "
FIRST_SECONDS = 20.0
"""The longest that somebody who tries it has to wait for a document that has ended."""


def test_the_demo_ends_with_0_when_every_document_ended_as_it_should() -> None:
    done = waybill("demo", "--once", "--port", "0", "--json")

    last = {each["name"]: each for each in done.objects}
    assert (done.code, len(last)) == (0, 9), done.err
    assert last["damaged.pdf"]["status"] == "failed"
    assert last["damaged.pdf"]["error"]
    assert (last["unlucky.pdf"]["status"], last["unlucky.pdf"]["attempt"]) == ("succeeded", 3)
    assert (last["report.pdf"]["status"], last["report.pdf"]["pages_total"]) == ("succeeded", 300)
    assert last["report.pdf"]["bytes"] > 9_000_000
    told = re.search(r"All 9 documents ended as they should, the first ([\d.]+) s after", done.err)
    assert told is not None, done.err
    # From the start of the server, which takes some of it.
    assert 0.2 < float(told[1]) < FIRST_SECONDS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_early_takes_its_server_with_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    more = {"TMPDIR": str(tmp_path)}
    with running("demo", "--port", "0", more=more, log=tmp_path / "log") as process:
        url = next_line(process).removeprefix(GREETING)

        code = stop(process, number)

    assert code == 130
    assert not list(tmp_path.glob("waybill-demo-*"))
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_demo_stays_up_until_it_is_stopped(tmp_path: Path) -> None:
    arguments = ("demo", "--port", "0", "--data", str(tmp_path / "kept"))
    with running(*arguments, log=tmp_path / "log") as process:
        url = next_line(process).removeprefix(GREETING)
        while not (line := next_line(process)).startswith("Look at "):
            assert process.poll() is None, line
        health = httpx.get(f"{url}/health")

        assert stop(process, signal.SIGINT) == 0

    assert health.json()["status"] == "ok"
    assert (tmp_path / "kept" / "log.db").exists()


def test_a_demo_whose_server_dies_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running("demo", "--port", "0", "--data", str(data), log=tmp_path / "log") as process:
        assert next_line(process).startswith(GREETING), (tmp_path / "log").read_text()
        # The lock file of the data folder names the process that serves it.
        server = int((data / "lock").read_text())
        os.kill(server, signal.SIGKILL)

        code = process.wait(60)

    assert code == 1
    assert "the server ended with code -9" in (tmp_path / "log").read_text()


def test_a_demo_on_a_port_that_is_taken_says_what_the_server_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = waybill("demo", "--once", "--port", port)

    assert done.code == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.err
