"""What only PostgreSQL can do to us: refuse, cut the line, hold the lock, hide behind a pooler."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, text

from events.errors import LogUnavailable
from events.hints import Hints
from events.postgres import PostgresDatabase, lock_key, open_postgres
from events.postgres_server import Server, look_at, shown
from events.sql import open_event_store
from tests.fakes import FakeClock
from tests.integration.commands_support import waybill
from tests.postgres import database_of, empty_database, nodes_listen, server, upgrade_aside
from tests.stores import append, assert_whole, everything, postgres_log, said

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database_of(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.events SET data = '{}' WHERE position = 1",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
    ],
)
async def test_the_database_refuses_to_change_what_is_recorded(
    url: str, tmp_path: Path, clock: FakeClock, statement: str
) -> None:
    async with postgres_log(tmp_path, clock) as store:
        await store.append(append("a", 0, "one"))

    with pytest.raises(asyncpg.RestrictViolationError, match="never changed"):
        server().sql(statement, url.rpartition("/")[2])


async def test_who_waits_too_long_for_the_lock_is_told_and_the_log_goes_on(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with postgres_log(tmp_path, clock) as store:
        other = await asyncpg.connect(url)
        await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock({lock_key('log')})")
        outcomes = await asyncio.gather(
            *[store.append(append(f"s{n}", 0, "x")) for n in range(3)], return_exceptions=True
        )
        await other.close()

        assert all(isinstance(one, LogUnavailable) for one in outcomes)
        await store.append(append("a", 0, "one"))
        assert said(await everything(store)) == ["one"]


async def test_connections_that_died_in_the_pool_are_replaced(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    async with postgres_log(tmp_path, clock) as store:
        await asyncio.gather(*[store.read_stream("a") for _ in range(4)])
        _end_all(url)

        await store.append(append("a", 0, "one"))
        assert said(await everything(store)) == ["one"]


async def test_a_line_that_is_cut_in_the_middle_writes_nothing_and_the_next_write_goes_on(
    url: str,
) -> None:
    def cut(connection: Connection) -> None:
        connection.execute(text("INSERT INTO log_info (name, value) VALUES ('half', 'x')"))
        _end_all(url)
        connection.execute(text("SELECT 1"))

    async with open_postgres(url, "log", durability="full") as database:
        with pytest.raises(LogUnavailable):
            await database.write(cut)
        assert await database.write(_names) == []


async def test_an_error_in_the_middle_rolls_everything_back(url: str) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(text("INSERT INTO log_info (name, value) VALUES ('half', 'x')"))
        raise ZeroDivisionError

    async with open_postgres(url, "log", durability="full") as database:
        with pytest.raises(ZeroDivisionError):
            await database.write(fail)
        assert await database.read(_names) == []


async def test_a_read_that_is_given_up_leaves_the_pool_whole(url: str) -> None:
    def sleep(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(30)"))

    async with open_postgres(url, "log", durability="full") as database:
        for _ in range(8):
            task = asyncio.create_task(database.read(sleep))
            await asyncio.wait({task}, timeout=0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await database.read(_names) == []


async def test_reading_sees_one_state_whatever_is_written_meanwhile(url: str) -> None:
    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = _names(connection)
        server().sql("INSERT INTO log.log_info VALUES ('new', 'x')", url.rpartition("/")[2])
        return before, _names(connection)

    async with open_postgres(url, "log", durability="full") as database:
        assert await database.read(look_twice) == ([], [])
        assert await database.read(_names) == ["new"]


async def test_behind_a_pooler_nothing_outlives_a_transaction(url: str, clock: FakeClock) -> None:
    def outlived(connection: Connection) -> tuple[int, str]:
        named = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
        # The first transaction of the next client of the pooler.
        connection.execute(text("COMMIT"))
        return named, connection.execute(text("SHOW lock_timeout")).scalar_one()

    database = PostgresDatabase(url, "log", durability="full", pooled=True)
    async with open_event_store(database, clock=clock, new_epoch=lambda: "e", shared=True) as store:
        for number in range(10):
            await store.append(append("a", number, "x"))
        assert_whole(await everything(store))
        named, lock_timeout = await database.read(outlived)
    await database.close()

    assert (named, lock_timeout) == (0, "0")


async def test_the_commit_is_durable_even_if_the_server_would_not_wait(url: str) -> None:
    name = url.rpartition("/")[2]
    server().sql(f"ALTER DATABASE {name} SET synchronous_commit = off")

    async with open_postgres(url, "log", durability="full") as database:
        assert await database.write(_shown("synchronous_commit")) == "on"
    async with open_postgres(url, "log", durability="relaxed") as database:
        assert await database.write(_shown("synchronous_commit")) == "off"


async def test_an_isolation_level_that_would_break_the_promise_is_refused(url: str) -> None:
    name = url.rpartition("/")[2]
    server().sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")

    with pytest.raises(LogUnavailable, match="default_transaction_isolation"):
        async with open_postgres(url, "log", durability="full"):
            pass


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    url = "postgresql://ada:very-secret@127.0.0.1:1/waybill"

    with pytest.raises(LogUnavailable) as refused:
        await look_at(url)

    assert "127.0.0.1:1, database waybill" in str(refused.value)
    assert "very-secret" not in str(refused.value) + shown(url)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 13}, "PostgreSQL 13 is too old"),
        ({"isolation": "serializable"}, "default_transaction_isolation"),
        ({"missing": ("log",), "may_create": False}, "no schema log"),
        ({"missing": ("log",)}, None),
    ],
)
async def test_what_is_wrong_with_a_server_is_told(
    change: dict[str, object], said: str | None
) -> None:
    good: dict[str, object] = {
        "version": 14,
        "isolation": "read committed",
        "pooled": False,
        "missing": (),
        "may_create": True,
    }
    make: Callable[..., Server] = Server

    problem = make(**{**good, **change}).problem()

    assert (problem is None) if said is None else (problem is not None and said in problem)


async def test_one_node_hears_of_what_another_appends(
    url: str, tmp_path: Path, clock: FakeClock
) -> None:
    reports: list[str] = []
    async with postgres_log(tmp_path, clock) as here, postgres_log(tmp_path, clock) as there:
        tasks = [
            asyncio.create_task(Hints(url, store.wakeup, reports.append).run())
            for store in (here, there)
        ]
        for number in range(5):
            await here.append(append("a", number, "x"))
        async with asyncio.timeout(PATIENCE):
            while there.wakeup.head < 5:
                await there.wakeup.wait_beyond(4)
        _end_all(url)  # whoever listens begins again
        await there.append(append("b", 0, "y"))
        async with asyncio.timeout(PATIENCE):
            while here.wakeup.head < 6:
                await here.wakeup.wait_beyond(5)
            await nodes_listen(url, len(tasks))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert reports


def test_doctor_looks_at_the_database(url: str, tmp_path: Path) -> None:
    def asked(where: str) -> dict[str, tuple[str, str]]:
        more = {"WAYBILL_DATABASE_URL": where, "WAYBILL_DATA": str(tmp_path)}
        done = waybill("doctor", "--json", more=more)
        assert "very-secret" not in done.out + done.err
        return {one["check"]: (one["level"], one["text"]) for one in done.objects}

    good = asked(url)
    assert (good["database"][0], good["log"]) == ("ok", ("ok", "0 events, none missing"))
    gone = asked("postgresql://ada:very-secret@127.0.0.1:1/waybill")
    assert gone["database"][0] == "problem"
    assert "127.0.0.1:1, database waybill" in gone["database"][1]


def test_a_start_on_a_database_that_does_not_answer_says_so(tmp_path: Path) -> None:
    more = {"WAYBILL_DATABASE_URL": "postgresql://ada:very-secret@127.0.0.1:1/waybill"}
    done = waybill("serve", "--data", str(tmp_path / "data"), "--port", "0", more=more)

    assert done.code == 2
    assert "WAYBILL_DATABASE_URL: PostgreSQL at 127.0.0.1:1, database waybill" in done.err
    assert "very-secret" not in done.out + done.err


def test_a_user_who_may_make_nothing_works_in_schemas_that_were_made_for_him(
    tmp_path: Path,
) -> None:
    url = empty_database(tmp_path)
    name = url.rpartition("/")[2]
    role = f"{name}_role"
    server().sql(f"CREATE ROLE {role} LOGIN")
    his = url.replace("postgres@", f"{role}@")
    more = {"WAYBILL_DATABASE_URL": his, "WAYBILL_DATA": str(tmp_path)}

    refused = waybill("serve", "--port", "0", more=more)
    assert refused.code == 2
    assert "there is no schema log" in refused.err
    for schema in ("log", "read", "keys"):
        server().sql(f"CREATE SCHEMA {schema} AUTHORIZATION {role}", name)
    upgrade_aside(his)
    found = {one["check"]: one for one in waybill("doctor", "--json", more=more).objects}
    assert found["log"]["text"] == "0 events, none missing"

    server().sql("REVOKE SELECT ON log.events FROM " + role, name)
    found = {one["check"]: one for one in waybill("doctor", "--json", more=more).objects}
    assert "permission denied" in found["log"]["text"]


def _end_all(url: str) -> None:
    """Every connection to this database is cut, as an administrator or a restart would."""
    name = url.rpartition("/")[2]
    server().sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def _names(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT name FROM log_info")).scalars())


def _shown(setting: str) -> Callable[[Connection], str]:
    return lambda connection: connection.execute(text(f"SHOW {setting}")).scalar_one()
