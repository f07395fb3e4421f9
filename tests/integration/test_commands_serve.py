"""Starting servers: what they print, how they refuse, when they stop, what they load."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from service.commands.child import free_port
from service.commands.page import commands_page
from tests.forking import ROOT
from tests.integration.commands_support import (
    INSIDE,
    PATIENCE_SECONDS,
    address_of,
    environment,
    next_line,
    running,
    stop,
    waybill,
)

QSTASH = (
    "QSTASH_URL",
    "QSTASH_TOKEN",
    "QSTASH_CURRENT_SIGNING_KEY",
    "QSTASH_NEXT_SIGNING_KEY",
)


def test_the_server_prints_one_line_when_it_is_ready_and_ends_with_0_when_told_to(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with running("serve", "--data", str(tmp_path / "data"), "--port", "0", log=log) as process:
        health = httpx.get(address_of(process, log) + "/health")
        code = stop(process)
        rest = process.stdout.read()

    assert health.json()["status"] == "ok"
    assert (code, rest) == (0, "")


def test_the_server_tells_a_program_its_address_in_one_object(tmp_path: Path) -> None:
    arguments = ("serve", "--data", str(tmp_path / "data"), "--port", "0", "--json")
    with running(*arguments, more=INSIDE, log=tmp_path / "log") as process:
        told = json.loads(next_line(process))
        health = httpx.get(f"{told['url']}/health")
        code = stop(process)
        rest = process.stdout.read()

    assert list(told) == ["url"]
    assert health.json()["status"] == "ok"
    assert (code, rest) == (0, "")


def test_the_server_logs_where_the_page_of_its_broker_is_and_which_file_has_the_token(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with running("serve", "--data", str(tmp_path / "data"), "--port", "0", log=log) as process:
        address_of(process, log)
        [told] = [
            json.loads(line)
            for line in log.read_text().splitlines()
            if "the embedded broker has a page" in line
        ]
        page = httpx.get(told["url"])
        token = Path(told["token_in"]).read_text().strip()
        overview = httpx.get(
            f"{told['url']}/waybill/v1/overview", headers={"Authorization": f"Bearer {token}"}
        )

    assert "Waybill broker" in page.text
    assert overview.json()["mayWrite"] is True
    assert token not in log.read_text()


def test_a_server_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ("serve", "--data", str(tmp_path / "data"), "--port", "0", "--until-stdin-ends")
    with running(*arguments, log=log) as process:
        address_of(process, log)
        process.stdin.close()

        assert process.wait(PATIENCE_SECONDS) == 0


def test_every_problem_of_the_settings_is_told_at_once() -> None:
    wrong = {"WAYBILL_PORT": "eighty", "WAYBILL_ATTEMPTS": "0", "WAYBILL_ATEMPTS": "3"}

    done = waybill("serve", more=wrong)

    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 3
    assert "did you mean WAYBILL_ATTEMPTS?" in done.err


def test_a_server_that_others_can_reach_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    done = waybill("serve", "--host", "0.0.0.0", "--data", str(tmp_path))

    assert (done.code, done.out) == (2, "")
    assert "WAYBILL_API_TOKEN" in done.err


def test_a_processor_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    wrong = {"WAYBILL_PROCESSORS": "mine=no_such_module:process"}

    done = waybill("serve", "--data", str(tmp_path), "--port", "0", more=wrong)

    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("waybill: the processor 'mine' needs the module")


def test_a_port_that_is_taken_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = waybill("serve", "--data", str(tmp_path), "--port", str(port))
        other = free_port(port)

    assert (done.code, done.out, other) == (1, "", 0)
    assert f"port {port} of 127.0.0.1 is taken" in done.err
    assert "--port 0" in done.err


def test_a_data_folder_that_can_be_none_is_named_with_a_way_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    refused = waybill("serve", "--data", str(file), "--port", "0")

    assert refused.code == 2
    assert f"the data folder {file} cannot be written to" in refused.err
    assert "Traceback" not in refused.err


def test_a_data_folder_has_one_server_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ("serve", "--data", str(tmp_path / "data"), "--port", "0")
    with running(*arguments, more=INSIDE, log=log) as process:
        address_of(process, log)

        second = waybill(*arguments)

    assert second.code == 2
    assert "in use by another Waybill" in second.err


@pytest.mark.parametrize("as_json", [False, True])
def test_the_broker_prints_its_address_and_the_credentials_that_work(
    tmp_path: Path, as_json: bool
) -> None:
    log = tmp_path / "log"
    more = ("--json",) if as_json else ()
    with running(
        "broker", "--data", str(tmp_path / "data"), "--port", "0", *more, log=log
    ) as process:
        lines = [next_line(process) for _ in range(7)]
        if as_json:
            told = {name: value for line in lines for name, value in json.loads(line).items()}
        else:
            told = {"url": lines[0].removeprefix("listening on ")}
            told |= dict(line.removeprefix("export ").split("=", 1) for line in lines[1:6])
            told["page"] = lines[6].removeprefix("page at ")
        keys = httpx.get(
            f"{told['QSTASH_URL']}/v2/keys",
            headers={"Authorization": f"Bearer {told['QSTASH_TOKEN']}"},
        )
        doctor = waybill("doctor", "--json", more={name: told[name] for name in QSTASH})
        changed = {**{name: told[name] for name in QSTASH}, QSTASH[2]: "sig_another"}
        warned = waybill("doctor", "--json", more=changed)
        assert stop(process) == 0

    assert told["url"] == told["QSTASH_URL"]
    assert told["page"] == f"{told['url']}/#token={told['QSTASH_TOKEN']}"
    assert keys.json()["current"] == told["QSTASH_CURRENT_SIGNING_KEY"]
    queue, other = (
        next(each for each in found.objects if each["check"] == "queue")
        for found in (doctor, warned)
    )
    assert queue["level"] == "ok"
    assert (other["level"], warned.code) == ("problem", 1)
    assert "QSTASH_CURRENT_SIGNING_KEY do not match" in other["text"]


def test_how_long_the_broker_remembers_a_deduplication_id_is_an_option(tmp_path: Path) -> None:
    log, data = tmp_path / "log", str(tmp_path / "data")
    brief = ("--deduplication-seconds", "1")
    with running("broker", "--json", "--data", data, "--port", "0", *brief, log=log) as process:
        told: dict[str, str] = {}
        while "QSTASH_TOKEN" not in told:
            told |= json.loads(next_line(process))
        headers = {
            "Authorization": f"Bearer {told['QSTASH_TOKEN']}",
            "Upstash-Deduplication-Id": "a",
            "Upstash-Delay": "1h",
        }
        with httpx.Client(base_url=told["QSTASH_URL"], headers=headers) as http:
            first = http.post("/v2/publish/http://a.example/").json()["messageId"]
            give_up = time.monotonic() + PATIENCE_SECONDS
            while http.post("/v2/publish/http://a.example/").json()["messageId"] == first:
                assert time.monotonic() < give_up
                time.sleep(0.05)
        assert stop(process) == 0


def test_the_doctor_names_what_is_wrong_and_how_to_repair_it(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"this is no database, it is a letter")
    (tmp_path / "read.db").write_bytes(b"this is no database, it is a letter")
    wrong = {"WAYBILL_URL": "http://127.0.0.1:1"}

    done = waybill("doctor", "--data", str(tmp_path), "--json", more=wrong)

    found = {each["check"]: (each["level"], each["repair"]) for each in done.objects}
    assert done.code == 1
    assert found["log.db"][0] == found["read.db"][0] == "problem"
    assert "remove read.db" in found["read.db"][1]
    assert found["server"] == ("warning", "start it, or name another one with --url")


def test_the_doctor_tells_what_is_wrong_with_the_settings() -> None:
    done = waybill("doctor", more={"WAYBILL_PORT": "eighty"})

    assert done.code == 1
    assert done.out.startswith("problem  settings")
    assert "\x1b" not in done.out


def test_settings_are_shown_with_their_meaning_and_without_secrets(tmp_path: Path) -> None:
    secret = "a-very-long-secret"

    done = waybill(
        "settings", "--data", str(tmp_path), "--json", more={"WAYBILL_API_TOKEN": secret}
    )

    found = {each["setting"]: each for each in done.objects}
    assert done.code == 0
    assert secret not in done.out
    assert found["data"]["value"] == str(tmp_path)
    assert found["api_token"]["value"] == "(set, not shown)"
    assert found["retry_delays"]["value"] == "12,148,1808"


def test_the_version_is_printed() -> None:
    assert waybill("version").out.startswith("waybill ")
    assert set(waybill("version", "--json").objects[0]) == {"waybill", "python", "sqlite"}


def test_a_server_that_is_not_there_ends_with_3() -> None:
    done = waybill("history", "doc_1", url="http://127.0.0.1:1")

    assert (done.code, done.out) == (3, "")
    assert "is `waybill serve` running?" in done.err


def test_an_address_that_is_none_ends_with_2() -> None:
    done = waybill("history", "doc_1", url="localhost:8321")

    assert (done.code, done.out) == (2, "")
    assert "write it as http://HOST:PORT" in done.err


def test_the_parser_loads_nothing_heavy() -> None:
    heavy = ("httpx", "litestar", "pypdf", "qstash", "sqlalchemy")
    program = (
        f"import sys, service.commands.parser; print([m for m in {heavy} if m in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment()
    )

    assert loaded.stdout.decode().strip() == "[]"


def test_the_reference_page_is_the_one_made_from_the_parser() -> None:
    written = (ROOT / "docs" / "reference" / "commands.md").read_text()

    assert written == commands_page()


def _upload_until(spoken: threading.Event, url: str) -> None:
    for number in range(100):
        if spoken.is_set():
            return
        body = f"letter {number}".encode()
        waybill("upload", "-", "--processor", "none", url=url, stdin=body)


def test_ctrl_c_ends_a_watch_with_130(tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ("serve", "--data", str(tmp_path / "data"), "--port", "0")
    with running(*arguments, more=INSIDE, log=log) as server:
        url = address_of(server, log)
        more = {"WAYBILL_URL": url}
        with running("watch", "--json", more=more, log=tmp_path / "watch") as watcher:
            # The watcher speaks once it is connected and something moves, so something has to move
            # until it has spoken.
            spoken = threading.Event()
            uploads = threading.Thread(target=_upload_until, args=(spoken, url))
            uploads.start()
            while '"none"' not in next_line(watcher):
                pass
            spoken.set()
            uploads.join()

            assert stop(watcher, signal.SIGINT) == 130
        assert stop(server) == 0
