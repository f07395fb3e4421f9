"""The broker put together: one ASGI application whose lifespan runs the delivery loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar

from service.broker.api import routes
from service.broker.api.answers import HANDLERS, full_access, token_check
from service.broker.broker import Broker
from service.broker.chaos import Chaos
from service.broker.client import Client, Sender
from service.broker.delivery import Engine
from service.broker.grouping import Groups
from service.broker.housekeeper import forget_for_ever
from service.broker.keys import fresh_keys
from service.broker.limits import Limits
from service.broker.lookout import Lookout
from service.broker.misbehaving import Misbehaving
from service.broker.rates import Burst, Daily, Rates, day_of
from service.broker.reach import EVERYWHERE, Reach
from service.broker.retention import Retention
from service.broker.scheduling import Schedules
from service.broker.signing import SigningKeys
from service.broker.store import Store
from service.broker.timing import Wait, wait_for

__all__ = ["Limits", "Rates", "Retention", "Sizes", "create_broker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The largest bodies, in bytes."""

    message: int = 1024 * 1024
    batch: int = 10 * 1024 * 1024
    answer: int = 256 * 1024
    """What is kept of a destination's answer."""


def create_broker(
    *,
    database: Path,
    token: str,
    read_only_token: str | None = None,
    clock: Callable[[], int],
    new_id: Callable[[], str],
    new_secret: Callable[[], str],
    wait: Wait = wait_for,
    sender: Sender | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    sizes: Sizes = Sizes(),
    retention: Retention = Retention(),  # noqa: B008 - frozen
    rates: Rates = Rates(),  # noqa: B008 - frozen
    reach: Reach = EVERYWHERE,
    keys: SigningKeys | None = None,
    chaos: Chaos | None = None,
) -> Litestar:
    """A broker over the file `database`, which has to hold the broker's schema already.

    `clock` gives microseconds since the epoch, `new_id` a short unique text, `new_secret` a text
    nobody can guess, of at least 28 characters. With `keys`, these sign until they are rotated,
    whatever the file has. With `chaos` its deliveries misbehave as that says.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with (
            Store(database) as store,
            Lookout(database, clock=clock) as lookout,
            _sender(sender, limits, sizes, reach) as network,
            asyncio.TaskGroup() as tasks,
        ):
            daily = await _daily(rates, lookout, clock)
            kept = await store.signing_keys(fresh_keys(new_secret))
            engine = Engine(
                store=store,
                sender=network if chaos is None else Misbehaving(network, chaos=chaos, wait=wait),
                signing_key=lambda: broker.keys.current,
                clock=clock,
                new_id=new_id,
                wait=wait,
                limits=limits,
                kept=None if daily is None else daily.kept,
            )
            broker = Broker(
                store=store,
                engine=engine,
                keys=keys or kept,
                clock=clock,
                new_id=new_id,
                new_secret=new_secret,
                retention=retention,
                reach=reach,
                daily=daily,
            )
            schedules = Schedules(store=store, broker=broker, clock=clock, new_id=new_id, wait=wait)
            app.state.broker = broker
            app.state.lookout = lookout
            app.state.groups = Groups(store=store, clock=clock, reach=reach)
            app.state.schedules = schedules
            await engine.start(tasks)
            scheduler = tasks.create_task(schedules.fire_for_ever())
            housekeeper = tasks.create_task(
                forget_for_ever(store, clock=clock, wait=wait, retention=retention)
            )
            try:
                yield
            finally:
                scheduler.cancel()
                housekeeper.cancel()
                await engine.stop()

    return Litestar(
        route_handlers=routes(
            check=token_check(token, read_only_token),
            may_write=full_access(token),
            misbehaving=None if chaos is None else str(chaos),
            largest_message=sizes.message,
            largest_batch=sizes.batch,
            burst=_burst(rates, clock),
        ),
        lifespan=[lifespan],
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
    )


def _burst(rates: Rates, clock: Callable[[], int]) -> Burst | None:
    most = rates.requests_per_second
    return None if most is None else Burst(most, clock=clock)


async def _daily(rates: Rates, lookout: Lookout, clock: Callable[[], int]) -> Daily | None:
    most = rates.messages_per_day
    if most is None:
        return None
    # A restart must not give a new day.
    return Daily(most, clock=clock, used=await lookout.kept_since(day_of(clock())))


def _sender(
    given: Sender | None, limits: Limits, sizes: Sizes, reach: Reach
) -> AbstractAsyncContextManager[Sender]:
    if given is None:
        return Client(connections=limits.concurrency, largest_answer=sizes.answer, reach=reach)
    return _lent(given)


@asynccontextmanager
async def _lent(sender: Sender) -> AsyncIterator[Sender]:
    yield sender
