"""Whoever looks at a terminal sees how far a long command has come; a file sees nothing of it."""

import asyncio
import os
import pty
import re
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from service import samples
from tests.data_folders import long_log
from tests.forking import Forked
from tests.integration.commands_support import PATIENCE_SECONDS, environment, served

EVENTS = 30_000
TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("progress") / "data"
    asyncio.run(long_log(folder, events=EVENTS))
    return folder


def seen(*arguments: str, url: str = "") -> str:
    """What a command shows on a terminal that is its standard error only."""
    ours, theirs = pty.openpty()
    shown = bytearray()

    def look() -> None:
        with suppress(OSError):  # nobody holds the other end any more
            while piece := os.read(ours, 65536):
                shown.extend(piece)

    looking = threading.Thread(target=look)
    settings = {**TERMINAL, **({"WAYBILL_URL": url} if url else {})}
    with TemporaryFile() as out:
        with (
            os.fdopen(theirs, "w") as errors,
            Forked(
                "service", arguments, environment=environment(settings), stdout=out, stderr=errors
            ) as process,
        ):
            looking.start()
            errors.close()
            process.stdin.close()
            code = process.wait(PATIENCE_SECONDS)
        looking.join(PATIENCE_SECONDS)
        os.close(ours)
        out.seek(0)
        assert b"\x1b" not in out.read(), "what is told in lines goes elsewhere"
    assert code == 0, shown.decode()
    return shown.decode()


def test_an_export_and_an_import_show_how_far_they_have_come(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"

    exported = seen("export", str(file), "--data", str(folder))
    imported = seen("import", str(file), "--data", str(tmp_path / "new"))

    rises(steps(exported, r"exporting .* (\d+)/30000"), to=EVENTS)
    rises(steps(imported, rf"importing .* (\d+)/{file.stat().st_size}"), to=file.stat().st_size)


def test_a_rebuild_shows_how_far_each_table_has_come(folder: Path) -> None:
    shown = seen("rebuild", "--data", str(folder), url=NOBODY)

    for table in ("documents", "queue_minutes"):
        percents = steps(shown, rf"{table} .* (\d+)%")
        # A table may be ready before its bar is drawn again.
        assert (percents[0], percents[-1]) == (0, 100)
        assert percents == sorted(percents)


def test_an_upload_shows_how_much_has_been_sent(tmp_path: Path) -> None:
    letters = [tmp_path / f"{number}.pdf" for number in range(3)]
    for number, letter in enumerate(letters):
        letter.write_bytes(samples.text_document(pages=1) + bytes(5_000_000) + b"%d" % number)

    with served(tmp_path / "served") as url:
        shown = seen("upload", *map(str, letters), url=url)

    assert "uploading 3 documents" in shown
    sent = steps(shown, r"documents .* ([\d.]+)/15\.0 MB")
    assert (sent[0], sent[-1]) == (0.0, 15.0)


def steps(shown: str, line: str) -> list[float]:
    """The numbers that such a line had, one after the other."""
    colourless = re.sub(r"\x1b\[[\d;]*m", "", shown)
    frames = re.split(r"\x1b\[[\d?]*[A-Za-z]|[\r\n]", colourless)
    return [float(found[1]) for frame in frames if (found := re.search(line, frame))]


def rises(numbers: list[float], *, to: float) -> None:
    assert numbers[0] == 0 and numbers[-1] == to
    assert numbers == sorted(numbers)
    assert any(0 < number < to for number in numbers), "nothing was shown on the way"
