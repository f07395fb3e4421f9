"""`waybill rebuild`: asked of a server, and done here when there is none."""

from pathlib import Path

from tests.integration.commands_support import served, waybill

NOBODY = "http://127.0.0.1:9"


def test_a_running_server_does_it_and_then_nobody_has_to(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data, more={"WAYBILL_PROCESSOR": "none"}) as url:
        waybill("upload", "--watch", "-", url=url, stdin=b"%PDF-1.4 x")

        ended = waybill("rebuild", "--json", url=url)
        assert ended.code == 0, ended.err
        done = {one["name"]: one for one in ended.objects if one["done"]}
        assert set(done) == {"documents", "queue_minutes"}
        assert done["documents"]["position"] > 0

        refused = waybill("rebuild", "nothing", url=url)
        assert refused.code == 1
        assert "there is no projection 'nothing'" in refused.err

        beside = waybill("rebuild", "--data", str(data), url=NOBODY)
        assert beside.code == 1
        assert "is in use by another Waybill" in beside.err
        assert "name its server with --url" in beside.err

    alone = waybill("rebuild", "documents", "--data", str(data), url=NOBODY)
    assert alone.code == 0, alone.err
    assert alone.out.splitlines() == [
        f"documents is made anew, up to position {done['documents']['position']}"
    ]
    assert "the projections are made here" in alone.err
    as_json = waybill("rebuild", "--json", "--data", str(data), url=NOBODY)
    assert [one["name"] for one in as_json.objects if one["done"]] == ["documents", "queue_minutes"]

    unknown = waybill("rebuild", "nothing", "--data", str(data), url=NOBODY)
    assert unknown.code == 1
    assert "there are documents, queue_minutes" in unknown.err
