"""Looking at the broker stays cheap with any number of messages: every statement has its index."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from service.broker.browsing import Condition, Wish, browse
from service.broker.database import WRITES, open_database
from service.broker.filters import Selection
from service.broker.overview import MOST_COUNTED, MOST_OUTCOMES, kept_since, look_over
from service.broker.tables import log_entries, messages
from tests.brokers import migrated

ALL = Selection(count=50)
BEHIND = (1, 1)


def plans_of(path: Path, work: Callable[[Connection], object]) -> list[str]:
    """How SQLite goes about each statement of `work`, one line for each of its steps."""
    statements: list[tuple[str, Any]] = []

    def heard(_c: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, given))

    engine = open_database(path)
    with engine.connect() as connection:
        event.listen(engine, "before_cursor_execute", heard)
        work(connection)
        event.remove(engine, "before_cursor_execute", heard)
        plans = [
            row[3]
            for statement, given in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
        ]
    engine.dispose()
    return plans


def filled(path: Path, *, waiting: int, retrying: int, delivered: int) -> None:
    """Writes so many messages, past the broker, which would take its time."""
    retried = [0] * waiting + [1] * retrying + [0] * delivered
    ended = [None] * (waiting + retrying) + [1] * delivered
    common = {
        **dict.fromkeys(messages.c.keys(), 0),
        "url": "http://a.example/",
        "headers": b"[]",
        "body": b"",
        "options": b"{}",
    }
    rows = [
        {
            **common,
            "sequence": n,
            "message_id": f"m{n}",
            "place": "finished" if done else "waiting",
            "retried": tried,
            "finished_at": done,
        }
        for n, (tried, done) in enumerate(zip(retried, ended, strict=True), start=1)
    ]
    entries = [
        {"sequence": row["sequence"], "at": 1, "state": "DELIVERED", "details": None}
        for row in rows
        if row["finished_at"]
    ]
    engine = open_database(path)
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        connection.execute(insert(messages), rows)
        connection.execute(insert(log_entries), entries)
    engine.dispose()


def test_a_count_that_stopped_at_its_bound_says_that_there_are_more(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    filled(path, waiting=MOST_COUNTED, retrying=70, delivered=MOST_OUTCOMES + 5)

    engine = open_database(path)
    with engine.connect() as connection:
        found = look_over(connection, since=0)
    engine.dispose()

    assert found.beyond == {"waiting", "ended"}
    # All that is known, as the retrying ones may stand among those that were counted.
    assert found.waiting == MOST_COUNTED + 1 - 70
    assert found.retrying == 70
    assert found.ended["DELIVERED"] == MOST_OUTCOMES + 1


@pytest.mark.parametrize("after", [None, BEHIND])
@pytest.mark.parametrize("condition", [*Condition, None])
def test_a_page_is_found_in_the_order_of_an_index(
    tmp_path: Path, condition: Condition | None, after: tuple[int, int] | None
) -> None:
    wish = Wish(condition=condition, selection=ALL, after=after)

    plans = plans_of(migrated(tmp_path), lambda connection: browse(connection, wish))

    assert plans
    assert [step for step in plans if "TEMP B-TREE" in step] == []
    # The newest first is the order of the table itself, walked from its end.
    scans = [step for step in plans if step.startswith("SCAN")]
    assert scans == (["SCAN messages"] if condition is None and after is None else [])


def test_the_counts_walk_through_indexes_only(tmp_path: Path) -> None:
    path = migrated(tmp_path)

    plans = plans_of(path, lambda connection: look_over(connection, since=1))
    since = plans_of(path, lambda connection: kept_since(connection, 1))

    counted = [step for step in plans if " messages " in step]
    assert len(counted) == 10
    assert all(step.startswith("SEARCH messages USING") for step in counted)
    assert [step for step in counted if "messages_retrying" in step] != []
    assert [step for step in plans if "TEMP B-TREE" in step] == []
    assert since == ["SEARCH messages USING INTEGER PRIMARY KEY (rowid>?)"]
