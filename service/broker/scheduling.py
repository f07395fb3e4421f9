"""What the API can ask about schedules, and the loop that fires them.

The loop sleeps until the first schedule is due. A trigger and its messages are one durable write
that only succeeds while the schedule still waits for that trigger, so a crash between two triggers
loses none, and two brokers on one file fire none twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from service.broker.addressing import Publication, Wanted
from service.broker.arrivals import Arrival, Kept
from service.broker.broker import Broker
from service.broker.commit import Told
from service.broker.errors import Malformed, Overloaded, StoreUnavailable, Unknown
from service.broker.message import State
from service.broker.schedule_rows import Firing, ScheduleChange
from service.broker.schedules import Schedule, asked, fired, paused, resumed, set_back
from service.broker.store import Store
from service.broker.timing import Wait

__all__ = ["Schedules"]

log = logging.getLogger(__name__)

SECOND = 1_000_000
AT_ONCE = 100
LONGEST_SLEEP = 60.0
"""Seconds after which the loop looks again: the clock may have been set."""
STORE_PAUSE = 1.0


class Schedules:
    """Schedules by id; every change is durable when it returns."""

    def __init__(
        self,
        *,
        store: Store,
        broker: Broker,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        wait: Wait,
    ) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._new_id = new_id
        self._wait = wait
        self._wake = asyncio.Event()
        self._never = asyncio.Event()
        self._looked_at = clock()

    async def create(self, wanted: Wanted) -> Schedule:
        """Makes a schedule, or replaces the one with the id it names."""
        schedule = asked(
            wanted.destination,
            wanted.headers,
            body=wanted.body,
            caller_ip=wanted.caller_ip,
            at=self._clock(),
            new_id=f"scd_{self._new_id()}",
        )
        # A destination that is no URL has to be a group, now and at each trigger.
        await self._broker.addressed(_publishing(schedule))
        await self._change(schedule.id, lambda _: schedule)
        return schedule

    async def get(self, schedule_id: str) -> Schedule:
        """One schedule."""
        return _there(await self._store.schedule(schedule_id), schedule_id)

    async def all(self) -> list[Schedule]:
        """All of them, the oldest first."""
        return await self._store.schedules()

    async def states(self, schedules: Sequence[Schedule]) -> dict[str, State]:
        """The newest states of the messages that these schedules made last."""
        ids = [name for schedule in schedules for name in schedule.last_messages]
        return await self._store.states(ids) if ids else {}

    async def delete(self, schedule_id: str) -> None:
        """Deletes a schedule; messages it has made are delivered."""

        def make(schedule: Schedule | None) -> None:
            _there(schedule, schedule_id)

        await self._change(schedule_id, make)

    async def pause(self, schedule_id: str) -> None:
        """Lets its triggers pass from now on."""
        await self._change(schedule_id, lambda s: paused(_there(s, schedule_id)))

    async def resume(self, schedule_id: str) -> None:
        """Goes on with the next trigger."""
        now = self._clock()
        await self._change(schedule_id, lambda s: resumed(_there(s, schedule_id), at=now))

    async def fire_for_ever(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self._wake.clear()
            try:
                seconds = await self._fire_due()
            except (StoreUnavailable, Overloaded) as error:
                log.error("schedules wait for the store", extra={"error": str(error)})
                await self._wait(self._never, STORE_PAUSE)
                continue
            if seconds > 0:
                await self._wait(self._wake, seconds)

    async def _fire_due(self) -> float:
        """Fires what is due; gives the seconds until the next trigger."""
        now = self._clock()
        if now < self._looked_at:
            await self._set_back(now, self._looked_at - now)
        self._looked_at = now
        due = await self._store.due_schedules(now, most=AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for schedule in due:
                tasks.create_task(self._fire(schedule, now))
        next_at = await self._store.next_trigger()
        if next_at is None:
            return LONGEST_SLEEP
        return min(LONGEST_SLEEP, (next_at - self._clock()) / SECOND)

    async def _set_back(self, now: int, by: int) -> None:
        def make(schedule: Schedule | None) -> Schedule | None:
            return schedule and set_back(schedule, at=now, by=by)

        for schedule in await self._store.schedules():
            await self._store.change_schedule(ScheduleChange(id=schedule.id, make=make))

    async def _fire(self, schedule: Schedule, now: int) -> None:
        try:
            await self._publish(schedule, now)
        except (StoreUnavailable, Overloaded) as error:
            log.warning("a trigger waits", extra={"schedule": schedule.id, "error": str(error)})
            await self._wait(self._never, STORE_PAUSE)
        except Exception:  # the last guard: one schedule must not stop the others
            log.exception("a schedule could not be fired", extra={"schedule": schedule.id})
            await self._wait(self._never, STORE_PAUSE)

    async def _publish(self, schedule: Schedule, now: int) -> None:
        publications: Sequence[Publication] = ()
        error = None
        try:
            publications = (await self._broker.addressed(_publishing(schedule))).publications
        except Malformed as refusal:
            error = str(refusal)

        def write(arrivals: Sequence[Arrival], told: Told[Kept]) -> Awaitable[Kept]:
            ids = tuple(arrival.message.id for arrival in arrivals)
            after = fired(schedule, at=now, messages=ids, error=error)
            firing = Firing(found=schedule, after=after, arrivals=tuple(arrivals))
            return self._store.fire(firing, told)

        await self._broker.take(publications, write)

    async def _change(
        self, schedule_id: str, make: Callable[[Schedule | None], Schedule | None]
    ) -> None:
        await self._store.change_schedule(ScheduleChange(id=schedule_id, make=make))
        self._wake.set()


def _publishing(schedule: Schedule) -> Wanted:
    return Wanted(
        destination=schedule.destination,
        headers=list(schedule.headers),
        body=schedule.body,
        caller_ip=schedule.caller_ip,
        queue=schedule.queue,
        schedule=schedule.id,
    )


def _there(schedule: Schedule | None, schedule_id: str) -> Schedule:
    if schedule is None:
        raise Unknown(f"schedule {schedule_id} not found")
    return schedule
