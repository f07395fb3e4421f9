"""The keys that personal fields are sealed under: made ahead in blocks, found by number, destroyed.

A key is durable before anything is sealed under it, and used for one append. Blocks are committed
ahead, so that an upload needs no commit of its own; what an ended process left unused stays so. A
destroyed key is overwritten with zeros in its place: removing a row would let SQLite move its
neighbours about, and leave old copies of them in its pages.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from events.database import Database
from events.errors import LogUnavailable
from events.prepared import Prepared

KEY_BYTES = 32
BLOCK = 256
"""Keys in a block; a row holds a block."""
MOST_BLOCKS = 8
"""Each time a process needs keys it makes twice as many blocks as before, up to this."""
CACHED = 512
"""Blocks kept in memory: 4 MiB of keys."""
ASKED_AT_ONCE = 500
MINTINGS = 5
"""How often blocks are made anew when another node has just taken their numbers."""

_RANDOM_BITS = 13
_WIPED = bytes(KEY_BYTES)

metadata = MetaData()
key_blocks = Table(
    "key_blocks",
    metadata,
    # Numbers rise with time, and are not used again, not even in another database's log.
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("secrets", LargeBinary, nullable=False),
)

Chance = Callable[[int], bytes]
"""So many random bytes, fit for keys."""


class Key(NamedTuple):
    """A key and its number."""

    number: int
    cipher: AESGCM


class KeyBlock(NamedTuple):
    """A row of keys; the first key's number is ``number * BLOCK``, a destroyed key is zeros."""

    number: int
    secrets: bytes


class Keys:
    """The keys of one database."""

    def __init__(self, database: Database, *, clock: Callable[[], int], chance: Chance) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance
        self._unused: deque[int] = deque()
        self._minted: dict[int, bytes] = {}
        self._blocks = 1
        self._minting = asyncio.Lock()
        self._known: OrderedDict[int, bytes] = OrderedDict()
        self._forgettings = 0

    async def fresh(self) -> Key:
        """A durable key that was never used; raises ``LogUnavailable``."""
        while not self._unused:
            async with self._minting:
                if not self._unused:
                    await self._mint()
        number = self._unused.popleft()
        return Key(number, AESGCM(_secret(self._minted[number // BLOCK], number)))

    async def find(self, numbers: Collection[int]) -> Mapping[int, AESGCM]:
        """Those of these keys that are there."""
        blocks = await self._read({number // BLOCK for number in numbers})
        found: dict[int, AESGCM] = {}
        for number in numbers:
            block = blocks.get(number // BLOCK)
            if block is not None and (secret := _secret(block, number)) != _WIPED:
                found[number] = AESGCM(secret)
        return found

    async def destroy(self, numbers: Collection[int]) -> None:
        """Overwrite these keys; what was sealed under them stays sealed for ever."""
        if numbers:
            await self._database.write(partial(_wipe, sorted(numbers)))
        self.forget()

    async def blocks(self, *, after: int, limit: int) -> list[KeyBlock]:
        """Up to ``limit`` blocks with a number above ``after``, to be copied."""
        return await self._database.read(partial(_blocks, after, limit))

    async def restore(self, blocks: Sequence[KeyBlock]) -> int:
        """Add those of these blocks that are not there; how many. What is there stays as it is."""
        return await self._database.write(partial(_restore, blocks), long=True)

    def forget(self) -> None:
        """Let go of what was read: some of it may have been destroyed, here or elsewhere."""
        self._known.clear()
        self._forgettings += 1

    async def _read(self, wanted: Collection[int]) -> Mapping[int, bytes]:
        forgettings = self._forgettings
        found = {block: self._known[block] for block in wanted if block in self._known}
        missing = [block for block in wanted if block not in found]
        for start in range(0, len(missing), ASKED_AT_ONCE):
            asked = missing[start : start + ASKED_AT_ONCE]
            found |= await self._database.read(partial(_find, asked))
        if forgettings == self._forgettings:  # what was destroyed meanwhile must not come back
            self._remember(found)
        return found

    def _remember(self, blocks: Mapping[int, bytes]) -> None:
        for block, secrets in blocks.items():
            self._known[block] = secrets
            self._known.move_to_end(block)
        while len(self._known) > CACHED:
            self._known.popitem(last=False)

    async def _mint(self) -> None:
        for _ in range(MINTINGS):
            blocks = [self._chance(KEY_BYTES * BLOCK) for _ in range(self._blocks)]
            number = self._clock() // 1000 << _RANDOM_BITS
            number |= int.from_bytes(self._chance(2)) >> (16 - _RANDOM_BITS)
            try:
                first = await self._database.write(partial(_insert, number, blocks))
            except IntegrityError:
                continue
            self._blocks = min(2 * self._blocks, MOST_BLOCKS)
            self._minted = dict(enumerate(blocks, start=first))
            self._unused.extend(range(first * BLOCK, (first + len(blocks)) * BLOCK))
            return
        raise LogUnavailable("no numbers could be found for new keys; try again")


class NoKeys:
    """Where the keys were not brought along: all that is sealed stays so."""

    async def fresh(self) -> Key:
        """There is none; raises ``LogUnavailable``."""
        raise LogUnavailable("there are no keys here, so nothing personal can be recorded")

    async def find(self, numbers: Collection[int]) -> Mapping[int, AESGCM]:
        """None of them."""
        return {}

    async def destroy(self, numbers: Collection[int]) -> None:
        """They are gone already."""

    def forget(self) -> None:
        """Nothing is remembered."""


_LAST = Prepared(select(func.max(key_blocks.c.number)))
_NEW = Prepared(insert(key_blocks), "number", "secrets")
_FIND = Prepared(select(key_blocks.c.secrets).where(key_blocks.c.number == bindparam("wanted")))
_CHANGE = Prepared(
    update(key_blocks)
    .where(key_blocks.c.number == bindparam("wanted"))
    .values(secrets=bindparam("changed"))
)


def _secret(secrets: bytes, number: int) -> bytes:
    start = number % BLOCK * KEY_BYTES
    return secrets[start : start + KEY_BYTES]


def _insert(number: int, blocks: list[bytes], connection: Connection) -> int:
    last = _LAST.one(connection)
    # Always at the end of the table, also after the clock was set back.
    first = max(number, ((last[0] if last else None) or 0) + 1)
    rows = [{"number": one, "secrets": secrets} for one, secrets in enumerate(blocks, start=first)]
    _NEW.run_many(connection, rows)
    return first


def _find(numbers: list[int], connection: Connection) -> dict[int, bytes]:
    found = select(key_blocks.c.number, key_blocks.c.secrets).where(
        key_blocks.c.number.in_(numbers)
    )
    return {row.number: bytes(row.secrets) for row in connection.execute(found)}


def _blocks(after: int, limit: int, connection: Connection) -> list[KeyBlock]:
    found = (
        select(key_blocks.c.number, key_blocks.c.secrets)
        .where(key_blocks.c.number > after)
        .order_by(key_blocks.c.number)
        .limit(limit)
    )
    return [KeyBlock(row.number, bytes(row.secrets)) for row in connection.execute(found)]


def _restore(blocks: Sequence[KeyBlock], connection: Connection) -> int:
    missing = [one for one in blocks if _FIND.one(connection, wanted=one.number) is None]
    if missing:
        _NEW.run_many(connection, [one._asdict() for one in missing])
    return len(missing)


def _wipe(numbers: list[int], connection: Connection) -> None:
    for block in sorted({number // BLOCK for number in numbers}):
        row = _FIND.one(connection, wanted=block)
        if row is None:
            continue
        secrets = bytearray(row[0])
        for number in numbers:
            if number // BLOCK == block:
                start = number % BLOCK * KEY_BYTES
                secrets[start : start + KEY_BYTES] = _WIPED
        _CHANGE.run(connection, wanted=block, changed=bytes(secrets))
