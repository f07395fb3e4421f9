"""What is personal stays sealed in a copy for keeps; analysts read it until it is erased."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest

from service import samples
from tests.integration.commands_support import ids_of, served, waybill

NAME = "plumbago-4711.pdf"


class World:
    """A server with one document that has ended, whose name nobody else has."""

    def __init__(self, url: str, folder: Path, document: str) -> None:
        self.url = url
        self.data = folder / "data"
        self.folder = folder
        self.document = document

    def export(self, name: str) -> str:
        file = self.folder / name
        done = waybill("export", str(file), "--data", str(self.data))
        assert (done.code, done.err) == (0, "")
        return file.read_text()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    file = tmp_path / NAME
    file.write_bytes(samples.one_page())
    with served(tmp_path / "data") as url:
        done = waybill("upload", str(file), "--watch", "--json", url=url)
        yield World(url, tmp_path, ids_of(done.objects)[0])


def registered(text: str) -> str:
    """The data of the first event of an export as CSV."""
    return next(csv.DictReader(text.splitlines()))["data"]


def test_names_are_opened_for_analysts_only_and_only_until_they_are_erased(world: World) -> None:
    sealed = world.export("log.jsonl")
    opened = world.export("log.csv")
    told = waybill("events", "--data", str(world.data))
    played = waybill("replay", "--data", str(world.data))

    assert NAME not in sealed
    assert "sealed.v1." in sealed
    assert NAME in registered(opened)
    assert NAME in told.out
    assert NAME in played.out

    assert waybill("erase", world.document, "--yes", url=world.url).code == 0
    longer = world.export("log.jsonl")
    erased = world.export("new.csv")
    replayed = waybill("replay", "--data", str(world.data), "--as-of", "1")

    assert longer.startswith(sealed)
    assert NAME not in erased
    assert '"name":"erased"' in registered(erased)
    assert NAME not in replayed.out
    assert waybill("verify", "--data", str(world.data)).code == 0


def test_what_a_killed_replay_left_behind_is_removed_by_the_next(world: World) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = Path(gettempdir()) / f"waybill-replay-{gone.pid}-left"
    runs = Path(gettempdir()) / f"waybill-replay-{os.getpid()}-runs"
    left.mkdir()
    runs.mkdir()
    (left / "read.db").write_bytes(b"names")
    try:
        assert waybill("replay", "--data", str(world.data)).code == 0

        assert not left.exists()
        assert runs.exists()
    finally:
        runs.rmdir()
