"""A projection that a user names in the settings, and ones that cannot be used."""

import sys
from pathlib import Path

import httpx
import pytest

from projections.loading import load_projections
from tests.forking import ROOT
from tests.integration.commands_support import served, waybill

NOBODY = "http://127.0.0.1:9"
GOOD = "examples.pages_per_day:PagesPerDay"
BROKEN = """
from events.store import Recorded
from projections.projection import Projection


class Broken(Projection[dict]):
    name = "broken"
    version = 1
    state = dict

    def key(self, event: Recorded) -> str | None:
        raise RuntimeError("no key today")

    def fold(self, state: dict | None, event: Recorded) -> dict:
        return {}


class Nameless(Broken):
    name = "Not A Name"
    version = 1


class Taken(Broken):
    name = "documents"
    version = 1


class Versionless(Broken):
    name = "versionless"
    version = "1"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "broken_projections.py").write_text(BROKEN)
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("broken_projections", "leaves"):
        sys.modules.pop(name, None)
    return "broken_projections"


def test_what_cannot_be_used_says_why_and_stops_nobody(module: str) -> None:
    named = {
        "no_such_module:Nothing": "No module named",
        "leaves:Nothing": "SystemExit",
        "examples.pages_per_day": "package.module:Class",
        "examples.pages_per_day:Day": "no subclass",
        "examples.pages_per_day:Nothing": "has no attribute",
        f"{module}:Nameless": "'Not A Name'",
        f"{module}:Taken": "'documents' is taken",
        f"{module}:Versionless": "its version is '1'",
    }

    loaded = load_projections(",".join([*named, GOOD]))

    assert [one.name for one in loaded.projections] == ["pages_per_day"]
    assert loaded.failures.keys() == named.keys()
    for target, why in named.items():
        assert why in loaded.failures[target]


def test_its_rows_are_kept_and_answered_and_a_broken_one_is_shown(
    tmp_path: Path, module: str
) -> None:
    settings = {
        "WAYBILL_PROJECTIONS": f"{GOOD}, {module}:Broken, nowhere:Nothing",
        "WAYBILL_PROCESSOR": "none",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    with (
        served(tmp_path / "data", more=settings) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        ended = waybill("upload", "--watch", "-", url=url, stdin=b"%PDF-1.4 x")
        assert ended.code == 0, ended.err
        head = client.get("/health").json()["position"]
        rows = client.get("/v1/projections/pages_per_day", params={"min_position": head})
        assert rows.status_code == 200, rows.text
        [row] = rows.json()["rows"]
        assert row["state"] == {"documents": 1, "pages": 0, "failed": 0}
        one = client.get("/v1/projections/pages_per_day", params={"key": row["key"]})
        assert one.json()["rows"] == [row]
        none = client.get("/v1/projections/pages_per_day", params={"key": "never"})
        assert none.json()["rows"] == []
        unknown = client.get("/v1/projections/nothing")
        assert (unknown.status_code, unknown.json()["title"]) == (404, "No such projection")

        told = client.get("/v1/projections").json()["projections"]
        assert {one["name"]: one["status"] for one in told} == {
            "documents": "ok",
            "queue_minutes": "ok",
            "pages_per_day": "ok",
            "broken": "stopped",
        }
        health = client.get("/health").json()
        said = " ".join(health["reasons"])
        assert health["status"] == "degraded"
        assert "no key today" in said
        assert "nowhere:Nothing cannot be used" in said
        assert 'waybill_projection_stopped{projection="broken"} 1.0' in client.get("/metrics").text

    doctor = waybill("doctor", "--data", str(tmp_path / "data"), url=NOBODY)
    assert "broken at position 0 stands still (RuntimeError: no key today)" in doctor.out
