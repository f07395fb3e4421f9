"""What keys promise: durable before they are used, never used twice, gone once destroyed."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from events import keys as module
from events.database import Database, OwnDatabase, T, Work
from events.keys import BLOCK, Key, Keys
from tests.fakes import FakeClock
from tests.vaults import VAULTS, sqlite_vault

NONCE = bytes(12)

pytestmark = pytest.mark.anyio


@pytest.fixture(params=VAULTS)
async def vault(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OwnDatabase]:
    async with VAULTS[request.param](tmp_path) as database:
        yield database


class Counting:
    """A database that counts its commits."""

    def __init__(self, database: Database) -> None:
        self.commits = 0
        self.read = database.read
        self._database = database

    async def write(self, work: Work[T], *, long: bool = False) -> T:
        self.commits += 1
        return await self._database.write(work, long=long)


def _keys(database: Database, clock: FakeClock) -> Keys:
    return Keys(database, clock=clock, chance=os.urandom)


def _sealed(key: Key) -> bytes:
    return key.cipher.encrypt(NONCE, b"told", b"")


async def test_a_key_is_found_by_another_process(vault: OwnDatabase, clock: FakeClock) -> None:
    key = await _keys(vault, clock).fresh()

    found = await _keys(vault, clock).find([key.number])

    assert found[key.number].decrypt(NONCE, _sealed(key), b"") == b"told"


async def test_no_key_is_given_away_twice(vault: OwnDatabase, clock: FakeClock) -> None:
    one, other = _keys(vault, clock), _keys(vault, clock)

    given = await asyncio.gather(*[keys.fresh() for keys in (one, other) for _ in range(3 * BLOCK)])

    assert len({key.number for key in given}) == len(given)
    assert len({_sealed(key) for key in given}) == len(given)


async def test_most_keys_need_no_commit(vault: OwnDatabase, clock: FakeClock) -> None:
    counting = Counting(vault)
    keys = Keys(counting, clock=clock, chance=os.urandom)

    for _ in range(7 * BLOCK):
        await keys.fresh()

    assert counting.commits == 3


async def test_numbers_rise_even_when_the_clock_goes_back(
    vault: OwnDatabase, clock: FakeClock
) -> None:
    first = await _keys(vault, clock).fresh()
    clock.now -= 3_600_000_000

    assert (await _keys(vault, clock).fresh()).number > first.number


async def test_a_destroyed_key_is_gone_and_its_neighbours_are_not(
    vault: OwnDatabase, clock: FakeClock
) -> None:
    keys = _keys(vault, clock)
    given = [await keys.fresh() for _ in range(BLOCK + 2)]
    numbers = {key.number for key in given}
    victims = {given[0].number, given[7].number, given[-1].number}

    await keys.destroy(victims)
    await keys.destroy(victims)

    for reader in (keys, _keys(vault, clock)):
        assert (await reader.find(numbers)).keys() == numbers - victims


async def test_a_scrub_leaves_the_keys_that_are_not_destroyed(
    vault: OwnDatabase, clock: FakeClock
) -> None:
    keys = _keys(vault, clock)
    gone, kept = await keys.fresh(), await keys.fresh()
    await keys.destroy([gone.number])

    assert await vault.scrub(rewrite=True)

    assert (await keys.find([gone.number, kept.number])).keys() == {kept.number}


async def test_a_key_that_never_was_is_not_found(vault: OwnDatabase, clock: FakeClock) -> None:
    assert await _keys(vault, clock).find([1, 2**63 - 1]) == {}


async def test_what_is_read_while_a_key_is_destroyed_is_not_remembered(
    vault: OwnDatabase, clock: FakeClock
) -> None:
    key = await _keys(vault, clock).fresh()
    keys = _keys(vault, clock)

    await asyncio.gather(keys.find([key.number]), keys.destroy([key.number]))

    assert await keys.find([key.number]) == {}


async def test_memory_for_keys_has_a_bound(
    vault: OwnDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED", 2)
    keys = _keys(vault, clock)
    given = [await keys.fresh() for _ in range(7 * BLOCK)]

    found = await keys.find([key.number for key in given])

    assert len(found) == len(given)
    assert len(keys._known) == 2


async def test_a_destroyed_key_is_in_no_file(tmp_path: Path, clock: FakeClock) -> None:
    async with sqlite_vault(tmp_path) as database:
        keys = _keys(database, clock)
        given = [await keys.fresh() for _ in range(7 * BLOCK)]
        with closing(sqlite3.connect(tmp_path / "keys.db")) as connection:
            rows = connection.execute("SELECT secrets FROM key_blocks ORDER BY number").fetchall()
        secrets = b"".join(row[0] for row in rows)
        victims = range(0, len(given), 3)

        await keys.destroy([given[index].number for index in victims])

        assert await database.scrub(rewrite=False)
        bytes_left = _all_bytes(tmp_path)
        assert not any(
            piece in bytes_left for index in victims for piece in _pieces(secrets, index)
        )
        assert all(piece in bytes_left for piece in _pieces(secrets, 1)[:2])


def _pieces(secrets: bytes, index: int) -> list[bytes]:
    """A key in pieces: the file may have it on two pages."""
    return [secrets[start : start + 8] for start in range(32 * index, 32 * index + 32, 8)]


def _all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_reader_holds_a_scrub_up_and_says_so(tmp_path: Path, clock: FakeClock) -> None:
    async with sqlite_vault(tmp_path) as database:
        key = await _keys(database, clock).fresh()
        with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM key_blocks").fetchone()
            await _keys(database, clock).destroy([key.number])

            assert not await database.scrub(rewrite=False)
            reader.execute("COMMIT")

        assert await database.scrub(rewrite=False)
