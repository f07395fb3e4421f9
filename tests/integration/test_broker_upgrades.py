"""Files that older brokers wrote, killed at work: each is upgraded, and nothing in it is lost.

`tests/golden/broker.v*.sql` were written by the broker of each schema: two messages that wait for
an hour, one that failed for good, two of one flow-control key and two of a queue, of which the
first was just being delivered, a schedule and a URL group; the later things where there were any.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrations import upgrade
from tests.broker_scene import opened, paths
from tests.brokers import FakeTime

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parents[1] / "golden"
VERSIONS = sorted(int(path.stem.rpartition(".v")[2]) for path in GOLDEN.glob("broker.v*.sql"))
NEWEST = max(
    int(path.name[:4]) for path in (GOLDEN.parents[1] / "migrations/broker/versions").glob("0*.py")
)
HOUR = 3600


def test_there_is_a_file_of_every_older_schema() -> None:
    assert list(range(1, NEWEST)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_an_older_broker_kept_is_delivered_and_remembered(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "broker.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / f"broker.v{version}.sql").read_text())
        written = connection.execute("SELECT max(created_at) FROM messages").fetchone()[0]
        before = messages(connection)
    time = FakeTime()
    time.now = written

    upgrade("broker", path)

    with closing(sqlite3.connect(path)) as connection:
        assert messages(connection) == before
    expected = ["key-1", "key-2", "plain-1", "plain-2"]
    if version >= 3:
        expected += ["queue-1", "queue-2", *["schedule"] * 3]
    async with opened(path, time=time) as scene:
        keys = (await scene.http.get("/v2/keys")).json()
        again = await scene.http.post(
            "/v2/publish/http://a.example/again", headers={"Upstash-Deduplication-Id": "once"}
        )
        [dead] = (await scene.http.get("/v2/dlq")).json()["messages"]
        for _ in range(3):  # a schedule is not made up for, so time passes in steps
            await time.pass_by(HOUR / 3 + 60)
            await scene.quiet()
        sent = paths(scene.network.sent)

    assert keys == {"current": "sig_golden_current", "next": "sig_golden_next"}
    assert again.json()["deduplicated"] is True
    assert dead["url"].endswith("/lost") and dead["body"] == "hello"
    assert sorted(sent) == expected
    assert sent.index("key-1") < sent.index("key-2")


def messages(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    found = "SELECT message_id, url, headers, body, options, created_at FROM messages ORDER BY 1"
    return connection.execute(found).fetchall()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    golden = (GOLDEN / "broker.v1.sql").read_text()
    with closing(sqlite3.connect(path)) as connection:
        # The third step finds its table there already.
        connection.executescript(golden + "CREATE TABLE url_groups (name TEXT);")
        before = list(connection.iterdump())

    with pytest.raises(Exception, match=re.escape("table url_groups already exists")):
        upgrade("broker", path)

    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
