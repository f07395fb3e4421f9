"""Keeps one projection up to date: follows the log, and goes over to a new build."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from events.database import Database
from events.errors import LogUnavailable
from events.follow import follow
from events.store import PAGE, EventStore
from events.wakeup import Wakeup
from projections import builds
from projections.applying import Applier, Moved, Stopped
from projections.building import NEAR, SETTLE_SECONDS, Builder
from projections.folding import Poison
from projections.projection import Projection
from projections.tables import BUILDING, LIVE, Build, create_tables

log = structlog.get_logger(__name__)

S = TypeVar("S")

Applied = Callable[[int, Sequence[S]], None]
"""Hears the new checkpoint and the states that changed on the way to it."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How a projection is."""

    name: str
    version: int
    position: int
    """How far its rows tell of the log."""
    building: int | None
    """How far the table is that is being made beside it."""
    failing: str | None
    """What went wrong last, as long as it does not work at all."""
    failed: str | None
    """Why the last table that was being made was given up."""
    stopped: Poison | None
    """The event that it could not go beyond."""
    set_aside: dict[str, tuple[int, str]]
    """Rows that do not go on: the position of the event, and what went wrong with it."""
    unreadable: int | None
    """The position of the first event that was left out: it needs a rebuild by newer code."""


class Runner(Generic[S]):
    """Keeps one projection up to date: ``run`` follows the log, ``builder.run`` builds anew."""

    def __init__(
        self,
        projection: Projection[S],
        *,
        store: EventStore,
        database: Database,
        log: Wakeup,
        clock: Callable[[], int],
        on_applied: Applied[S] | None = None,
        settle_seconds: float = SETTLE_SECONDS,
        aside: bool = False,
    ) -> None:
        """``aside``: never fold in the event loop; for folds that may be slow."""
        self.applied = Wakeup()
        self.builder = Builder(
            projection,
            store=store,
            database=database,
            wakeup=log,
            clock=clock,
            settle_seconds=settle_seconds,
            aside=aside,
        )
        self.projection = projection
        self._store = store
        self._database = database
        self._log = log
        self._clock = clock
        self._on_applied = on_applied
        self._aside = aside
        self._applier: Applier[S] | None = None
        self._stopped: Poison | None = None
        self._failing: str | None = None

    @property
    def position(self) -> int:
        """How far of the log the rows tell that are read."""
        return self.applied.head

    def condition(self) -> Condition:
        """How this projection is now."""
        applier, builder = self._applier, self.builder
        return Condition(
            name=self.projection.name,
            version=self.projection.version,
            position=self.position,
            building=builder.position if builder.building else None,
            failing=self._failing,
            failed=builder.failed,
            stopped=self._stopped,
            set_aside=dict(applier.set_aside) if applier else {},
            unreadable=applier.left_out if applier else None,
        )

    async def prepare(self) -> None:
        """See to it that there is a table to read, or that one is being made.

        Done before the first question may come. Tables that tell of more than the log has go: they
        are another log's, such as when an older one was brought back from a backup.
        """
        await self._database.write(create_tables)
        known = await self._database.read(partial(builds.known, name=self.projection.name))
        head = await self._store.head()  # read last: no checkpoint passes it
        strange = [one for one in known if one.position > head]
        await self._database.write(partial(self._prepare, head, strange))
        self.builder.look()

    async def run(self) -> None:
        """Follow the log for ever, from the checkpoint on."""
        try:
            await self._run()
        except Exception as error:
            self._failing = f"{type(error).__name__}: {error}"
            raise

    async def _run(self) -> None:
        await self.prepare()
        while True:
            build = await self._database.read(self._active)
            if build is None:
                await self._wait_for_switch()
                continue
            try:
                await self._follow(build)
            except Moved:
                continue
            except (DBAPIError, LogUnavailable):
                if not await self._database.read(self._forgotten):
                    raise
                await self.prepare()
            except Stopped as stopped:
                self._stopped = stopped.stop
                log.error("a projection stops", projection=build.name, why=str(stopped))
                await self._stand_still(build)

    def _prepare(self, head: int, strange: Sequence[Build], connection: Connection) -> None:
        for build in strange:
            builds.drop(connection, self.projection, build)
            log.warning("a table that knew more than the log was dropped", table=build.table_name)
        builds.retire_others(connection, self.projection, now=self._clock())
        known = builds.known(connection, self.projection.name)
        ours = [one for one in known if one.version == self.projection.version]
        if any(one.state in (LIVE, BUILDING) for one in ours):
            return
        build = builds.begin(connection, self.projection)
        if head <= NEAR:
            builds.switch(connection, build, position=0, now=self._clock())

    def _forgotten(self, connection: Connection) -> bool:
        """Whether all our tables were dropped, as those of an older version are after a while."""
        known = builds.known(connection, self.projection.name)
        return not any(one.version == self.projection.version for one in known)

    def _active(self, connection: Connection) -> Build | None:
        return builds.active_build(connection, projection=self.projection)

    async def _follow(self, build: Build) -> None:
        applier = Applier(self.projection, build, database=self._database, aside=self._aside)
        await self._open(applier)
        self._applier, self._stopped, self._failing = applier, None, None
        async for page in follow(self._store, after=applier.position, wakeup=self._log):
            try:
                states = await applier.apply(page)
            except Stopped as stopped:
                self._tell(applier.position, list(stopped.states.values()))
                raise
            self._tell(applier.position, list(states.values()))
            if self.projection.linger and len(page) < PAGE:
                await asyncio.sleep(self.projection.linger)

    async def _open(self, applier: Applier[S]) -> None:
        """Go on where the build is; what others did to it is told as if we had."""
        if self._on_applied is None or self._applier is None:
            self.applied.announce(await applier.open())
            return
        states = await applier.look(self.position)
        if applier.position > self.position:
            self._tell(applier.position, list(states.values()))

    def _tell(self, position: int, states: Sequence[S]) -> None:
        if self._on_applied is not None:
            self._on_applied(position, states)
        self.applied.announce(position)

    async def _stand_still(self, stopped: Build) -> None:
        """What is told stays as it is until a new build takes over, or the service is restarted."""
        while (now := await self._database.read(self._active)) and now.build == stopped.build:
            await self._wait_for_switch()

    async def _wait_for_switch(self) -> None:
        """Until a build takes over here, or it is time to look."""
        await self.builder.switched.wait_beyond(self.builder.switched.head)
