"""A projection made anew beside the one that is read, and then put in its place.

The build catches up in the background, stays near the log's end for a while, is compared with a
fresh fold of some rows, and only then becomes what readers see: no read fails, none waits. What was
read until then is kept for a while and dropped.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection

from events.database import Database
from events.follow import check_dense
from events.store import EventStore
from events.wakeup import Wakeup
from projections import builds
from projections.applying import Applier, Moved, Stopped
from projections.checking import Check, Sample
from projections.folding import is_readable
from projections.projection import Projection
from projections.tables import BUILDING, FAILED, KEEP, Build

log = structlog.get_logger(__name__)

S = TypeVar("S")

LONG_PAGE = 5000
NEAR = 100
"""Events that a build may be behind when it takes over."""
SETTLE_SECONDS = 3.0
"""How long a build must stay near the log's end before it takes over from another."""
OTHERS_SECONDS = 2.0
"""How long we leave a build alone that somebody else has moved."""
SHOWN = 5
"""Keys that are named when rows differ."""
LOOK_SECONDS = 5.0
"""How often we look whether a build was asked for at another node, or a table's time is over."""


class Builder(Generic[S]):
    """Makes the builds of one projection that are to be made."""

    def __init__(
        self,
        projection: Projection[S],
        *,
        store: EventStore,
        database: Database,
        wakeup: Wakeup,
        clock: Callable[[], int],
        settle_seconds: float = SETTLE_SECONDS,
        aside: bool = False,
    ) -> None:
        self.switched = Wakeup()
        """Announces the number of builds that took over here."""
        self.failed: str | None = None
        """Why the last build was given up; until another takes over."""
        self.building: Build | None = None
        self.position = 0
        """How far the build is that is being made."""
        self._projection = projection
        self._store = store
        self._database = database
        self._log = wakeup
        self._clock = clock
        self._settle = settle_seconds
        self._aside = aside
        self._asked = asyncio.Event()

    async def request(self) -> Build:
        """Have a new build made, unless one is being made already; which one that is."""
        build = await self._database.write(self._requested)
        self.look()
        return build

    def look(self) -> None:
        """Look now for builds that are to be made."""
        self._asked.set()

    async def run(self) -> None:
        """Make what is to be made, for ever."""
        await self._retry_unreadable()
        while True:
            self._asked.clear()  # before we look: what is asked for from here on wakes us
            await self.drop_expired()
            if not await self.build_one():
                await self._wait()

    async def build_one(self) -> bool:
        """Make one build that was begun; ``False`` if there is none."""
        begun = await self._database.read(self._begun)
        if begun is None:
            self.building = None
            return False
        self.building, self.position = begun, begun.position
        try:
            await self._build(begun)
        except Moved:
            await self._leave_to_others(begun)
        except Stopped as stopped:
            await self._stopped(begun, stopped)
        except Differs as differs:
            await self._give_up(begun, str(differs))
        return True

    async def drop_expired(self) -> None:
        """Drop tables that were replaced long ago."""
        now = self._clock()
        if await self._database.read(partial(_any_expired, self._projection.name, now)):
            work = partial(builds.drop_expired, projection=self._projection, now=now)
            for build in await self._database.write(work, long=True):
                log.info("a replaced table was dropped", table=build.table_name)

    async def _build(self, build: Build) -> None:
        applier = Applier(self._projection, build, database=self._database, aside=self._aside)
        self.position = await applier.open()
        log.info("a table is being made", table=build.table_name, position=self.position)
        sample = Sample()
        await self._come_near(applier, sample)
        await self._check(applier, sample)
        while not await self._switch(applier):
            await self._advance(applier, sample)
        self.failed = None
        self.switched.announce(self.switched.head + 1)
        log.info("a new table is read now", table=build.table_name, position=self.position)

    async def _come_near(self, applier: Applier[S], sample: Sample) -> None:
        """Catch up, and stay near the end of the log for a while."""
        now = asyncio.get_running_loop().time
        patience = await self._database.read(self._patience)
        near_since: float | None = None
        while near_since is None or now() - near_since < patience:
            read = await self._advance(applier, sample)
            if read == LONG_PAGE or self._log.head - applier.position > NEAR:
                near_since = None
                continue
            near_since = now() if near_since is None else near_since
            if not read and patience:
                await self._log.wait_beyond(applier.position)

    async def _advance(self, applier: Applier[S], sample: Sample) -> int:
        """Fold the next page; how many events that were."""
        page = await self._store.read_all(after=applier.position, limit=LONG_PAGE)
        if page:
            check_dense(page, after=applier.position)
            sample.add(await applier.apply(page))
            self.position = applier.position
        return len(page)

    def _patience(self, connection: Connection) -> float:
        """Nobody waits for a rebuild, everybody for a table where there was none."""
        read_now = builds.active_build(connection, projection=self._projection)
        return 0.0 if read_now is None else self._settle

    async def _check(self, applier: Applier[S], sample: Sample) -> None:
        check = Check(self._projection, applier.table, store=self._store, database=self._database)
        keys = [key for key in sample.keys if key not in applier.set_aside]
        differing = await check.differing(keys, upto=applier.position)
        if differing:
            raise Differs(applier.build, differing)

    async def _switch(self, applier: Applier[S]) -> bool:
        position, now = applier.position, self._clock()

        def work(connection: Connection) -> bool:
            current = builds.again(connection, build=applier.build)
            if current is None or current.position != position:
                raise Moved(applier.build.table_name)
            return builds.switch(connection, applier.build, position=position, now=now)

        return await self._database.write(work)

    async def _stopped(self, build: Build, stopped: Stopped) -> None:
        """The log cannot be folded to its end: better a stale table than none, but no switch."""
        now = self._clock()

        def work(connection: Connection) -> bool:
            if builds.active_build(connection, projection=self._projection) is None:
                return builds.switch(connection, build, position=stopped.stop.position, now=now)
            builds.settle(connection, build=build, state=FAILED, drop_after=now + KEEP)
            return False

        if await self._database.write(work):
            self.switched.announce(self.switched.head + 1)
        else:
            await self._give_up(build, str(stopped))

    async def _give_up(self, build: Build, why: str) -> None:
        self.failed = why
        log.error("a table that was being made is given up", table=build.table_name, why=why)
        failed = partial(
            builds.settle, build=build, state=FAILED, drop_after=self._clock() + KEEP, error=why
        )
        await self._database.write(failed)

    async def _leave_to_others(self, build: Build) -> None:
        """Somebody else makes it too; go on only when it does not move any more."""
        before, now = await self._database.read(partial(builds.again, build=build)), None
        while before is not None and before.state == BUILDING and before != now:
            await asyncio.sleep(OTHERS_SECONDS)
            before, now = await self._database.read(partial(builds.again, build=build)), before

    async def _retry_unreadable(self) -> None:
        """What an older version could not read may be plain to this one: make the table anew."""
        read_now = await self._database.read(
            partial(builds.active_build, projection=self._projection)
        )
        if read_now is None or read_now.unreadable is None:
            return
        page = await self._store.read_all(after=read_now.unreadable - 1, limit=1)
        if page and is_readable(page[0]):
            await self.request()

    def _requested(self, connection: Connection) -> Build:
        return self._begun(connection) or builds.begin(connection, self._projection)

    def _begun(self, connection: Connection) -> Build | None:
        known = builds.known(connection, self._projection.name)
        ours = [one for one in known if one.version == self._projection.version]
        return next((one for one in ours if one.state == BUILDING), None)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            return


class Differs(Exception):
    """Rows of a finished build are not what a fresh fold of their events gives."""

    def __init__(self, build: Build, keys: list[str]) -> None:
        shown = ", ".join(keys[:SHOWN])
        super().__init__(
            f"{len(keys)} of the rows of {build.table_name} that were checked differ from a fresh "
            f"fold of their events ({shown}); is the fold the same every time it is run?"
        )


def _any_expired(name: str, now: int, connection: Connection) -> bool:
    known = builds.known(connection, name)
    return any(one.drop_after is not None and one.drop_after <= now for one in known)
