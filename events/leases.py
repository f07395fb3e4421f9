"""Who does what one node at a time should do: a row that a node keeps renewing.

A lease saves work, it guarantees nothing: a node that froze may wake up and go on for a moment
beside its successor. Whatever is done under it must be right if two do it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from events.database import Database
from events.errors import LogUnavailable

LEASE_SECONDS = 10
RENEW_SECONDS = 3.0
MICROSECONDS = 1_000_000

metadata = MetaData()

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", BigInteger, nullable=False),
)


class Lease:
    """One duty among the nodes on one database."""

    def __init__(
        self, name: str, database: Database, *, holder: str, clock: Callable[[], int]
    ) -> None:
        self._name = name
        self._database = database
        self._holder = holder
        self._clock = clock

    async def while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for the lease, then do the work as long as it is ours, for ever.

        Raises ``LogUnavailable`` when it cannot be renewed, and whatever ``work`` raises.
        """
        await self._database.write(metadata.create_all)
        while True:
            if await self.take():
                await self._renewing(work)
            await asyncio.sleep(RENEW_SECONDS)

    async def take(self) -> bool:
        """Take or renew it; ``False`` while another node has it."""
        return await self._database.write(partial(self._take, self._clock()))

    async def release(self) -> None:
        """Let another node have it at once."""
        await self._database.write(self._release)

    async def _renewing(self, work: Callable[[], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(work())
        try:
            while not working.done() and await self.take():
                await asyncio.wait({working}, timeout=RENEW_SECONDS)
            if working.done():
                working.result()
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.wait({working})
            with suppress(LogUnavailable):
                await self.release()
            raise
        finally:
            working.cancel()
            await asyncio.wait({working})

    def _take(self, now: int, connection: Connection) -> bool:
        until = now + LEASE_SECONDS * MICROSECONDS
        mine = insert(leases).values(name=self._name, holder=self._holder, until=until)
        free = (leases.c.holder == self._holder) | (leases.c.until < now)
        taken = mine.on_conflict_do_update(
            index_elements=["name"], set_={"holder": self._holder, "until": until}, where=free
        )
        connection.execute(taken)
        holder = select(leases.c.holder).where(leases.c.name == self._name)
        return bool(connection.execute(holder).scalar_one() == self._holder)

    def _release(self, connection: Connection) -> None:
        connection.execute(
            delete(leases).where(leases.c.name == self._name, leases.c.holder == self._holder)
        )
